// Pages opened from disk may start no worker, so the search's program runs in a frame that cannot be seen.
// Like a worker's, its messages are copies, and arrive later.
if (location.protocol === "file:") {
  window.Worker = class {
    constructor(url) {
      this.waiting = []
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      document.body.append(this.frame)
      const inside = this.frame.contentWindow
      inside.postMessage = said => later(said, data => this.onmessage?.({ data }))
      const script = inside.document.createElement("script")
      script.src = new URL(url, document.baseURI)
      script.onload = () => {
        this.inside = inside
        this.waiting.forEach(said => this.postMessage(said))
      }
      script.onerror = () => this.onerror?.({ message: `${url} cannot be read` })
      inside.document.head.append(script)
    }
    postMessage(said) {
      if (this.inside) later(said, data => this.inside.onmessage?.({ data }))
      else this.waiting.push(said)
    }
    terminate() {
      this.frame.remove()
    }
  }
  function later(said, hear) {
    const copy = structuredClone(said)
    setTimeout(() => hear(copy))
  }
}
