/** The time, for what ages by itself: once a second while the page is seen. */

class Clock {
  nowNs = $state(Date.now() * 1e6);

  constructor() {
    setInterval(() => {
      if (!document.hidden) this.nowNs = Date.now() * 1e6;
    }, 1000);
  }
}

export const wall = new Clock();
