/** CodeMirror for SQL, in a shadow root: there its styles are constructed sheets, which the page's policy allows. A part of its own, loaded with the console. */

import { acceptCompletion, autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { PostgreSQL, sql } from "@codemirror/lang-sql";
import { HighlightStyle, bracketMatching, syntaxHighlighting } from "@codemirror/language";
import { EditorState, Prec } from "@codemirror/state";
import { EditorView, drawSelection, highlightActiveLine, keymap, lineNumbers, placeholder } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";

export interface Editor { get(): string; set(text: string): void; focus(): void; point(at: number): void; destroy(): void }

interface Options { parent: HTMLElement; text: string; tables: Record<string, string[]>; run: () => void; changed: (text: string) => void }

const LOOK = EditorView.theme({
  "&": { color: "var(--text)", backgroundColor: "var(--ground)", fontSize: "12px", minHeight: "120px", maxHeight: "40vh" },
  "&.cm-focused": { outline: "2px solid var(--accent)" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "20px", overflow: "auto", minHeight: "120px" },
  ".cm-content": { caretColor: "var(--text)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "var(--sunk)", color: "var(--dim)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--hover)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--chosen)" },
  ".cm-tooltip": { backgroundColor: "var(--raised)", border: "1px solid var(--edge)", color: "var(--text)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--chosen)", color: "var(--text)" },
  ".cm-placeholder": { color: "var(--dim)" },
});

const COLOURS = HighlightStyle.define([
  { tag: tags.keyword, color: "light-dark(#1456b8, #85b8ff)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: "light-dark(#246540, #5fbf85)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--lost)" },
  { tag: tags.comment, color: "var(--dim)", fontStyle: "italic" },
]);

/** Rich editing makes browsers put styles into what is typed over, which the page's policy refuses aloud. */
function takesPlainText(): boolean {
  try {
    document.createElement("div").contentEditable = "plaintext-only";
    return true;
  } catch {
    return false;
  }
}

export function makeEditor({ parent, text, tables, run, changed }: Options): Editor {
  const root = parent.attachShadow({ mode: "open" });
  const view = new EditorView({
    root, parent: root as unknown as Element,
    state: EditorState.create({
      doc: text,
      extensions: [
        lineNumbers(), history(), drawSelection(), bracketMatching(), closeBrackets(), autocompletion(), highlightActiveLine(), EditorView.lineWrapping,
        Prec.highest(keymap.of([{ key: "Mod-Enter", run: () => { run(); return true; } }, { key: "Tab", run: acceptCompletion }])),
        keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...completionKeymap, indentWithTab]),
        sql({ dialect: PostgreSQL, schema: tables, upperCaseKeywords: true }), syntaxHighlighting(COLOURS), LOOK, placeholder("SELECT … FROM tasks"),
        EditorView.contentAttributes.of({ "aria-label": "SQL", ...(takesPlainText() ? { contenteditable: "plaintext-only" } : {}) }),
        EditorView.updateListener.of((update) => { if (update.docChanged) changed(update.state.doc.toString()); }),
      ],
    }),
  });
  return {
    get: () => view.state.doc.toString(),
    set: (next) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next } }),
    focus: () => view.focus(),
    point: (at) => { view.dispatch({ selection: { anchor: Math.min(at, view.state.doc.length) }, scrollIntoView: true }); view.focus(); },
    destroy: () => view.destroy(),
  };
}
