//! The resources SkyTask and SkyVolume, their names, labels and quantities, and the wire types of the REST API.
