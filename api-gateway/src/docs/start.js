// Relative, so that the page also works below a path of some proxy.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  layout: "BaseLayout",
  deepLinking: true,
  showExtensions: true,
  showCommonExtensions: true,
  // Its default sends the document to a server of theirs.
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
