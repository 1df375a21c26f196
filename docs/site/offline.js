// Pages opened from disk may start no worker, so the search's program runs in a frame that cannot be seen.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      this.waiting = []
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      document.body.append(this.frame)
      const inside = this.frame.contentWindow
      inside.postMessage = data => this.tell("message", { data })
      inside.importScripts = () => {}
      const script = inside.document.createElement("script")
      script.src = new URL(url, document.baseURI)
      script.onload = () => { this.inside = inside; this.waiting.splice(0).forEach(data => this.postMessage(data)) }
      script.onerror = () => this.tell("error", { message: `${url} cannot be read` })
      inside.document.head.append(script)
    }
    postMessage(data) {
      if (this.inside) this.inside.dispatchEvent(new this.inside.MessageEvent("message", { data }))
      else this.waiting.push(data)
    }
    terminate() { this.frame.remove() }
    tell(kind, words) {
      const event = kind === "message" ? new MessageEvent(kind, words) : new ErrorEvent(kind, words)
      this.dispatchEvent(event)
      this[`on${kind}`]?.(event)
    }
  }
}
