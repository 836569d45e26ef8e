// Makes ../static/ from the sources here and the locked packages; called by build.sh.
import { buildSync } from "esbuild";

buildSync({
  entryPoints: ["panel.js", "panel.css", "icon.svg"],
  bundle: true,
  minify: true,
  target: ["chrome109", "firefox115", "safari15.6"],
  outdir: "../static",
  loader: { ".svg": "copy" },
  legalComments: "inline",
  logLevel: "warning",
});
