/** One short word on what just happened, seen and heard. */

class Toast {
  text = $state("");
  #timer: ReturnType<typeof setTimeout> | undefined;

  say(text: string): void {
    this.text = "";
    clearTimeout(this.#timer);
    queueMicrotask(() => (this.text = text));
    this.#timer = setTimeout(() => (this.text = ""), 3000);
  }
}

export const toast = new Toast();

export async function copy(text: string, what = "copied"): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast.say(what);
  } catch {
    toast.say("the browser does not let this page copy");
  }
}
