import { defineConfig } from "vite";

// Everything is served from /console/ of the node itself; nothing is inlined, so that the policy can forbid it.
export default defineConfig({
  base: "/console/",
  build: {
    outDir: "../src/callapi/console/static",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    chunkSizeWarningLimit: 400,
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  server: {
    proxy: {
      "/2010-04-01": "http://127.0.0.1:8080",
      "/console/session": "http://127.0.0.1:8080",
      "/console/lint": "http://127.0.0.1:8080",
      "/console/node": "http://127.0.0.1:8080",
      "/openapi.json": "http://127.0.0.1:8080",
    },
  },
});
