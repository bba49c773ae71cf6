// Swagger UI on our own document. Calls go out as the person who is signed in, with the token that CSRF asks for.
document.addEventListener("DOMContentLoaded", () => {
  const place = document.getElementById("explorer");
  SwaggerUIBundle({
    url: place.dataset.schema,
    domNode: place,
    layout: "BaseLayout",
    presets: [SwaggerUIBundle.presets.apis],
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    tryItOutEnabled: true,
    validatorUrl: null,
    requestInterceptor: (request) => {
      if (new URL(request.url, location.href).origin === location.origin) {
        request.headers["X-CSRFToken"] = place.dataset.csrf;
      }
      return request;
    },
  });
});
