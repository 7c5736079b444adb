import { render } from "preact";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/parts.css";
import "./styles/forms.css";
import "./styles/call.css";
import "./styles/phone.css";
import "./styles/rooms.css";
import { App } from "./app";

const root = document.getElementById("app");
if (root) render(<App />, root);
