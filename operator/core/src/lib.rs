//! What to do for a SkyTask or SkyVolume, decided without any IO.
