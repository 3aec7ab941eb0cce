// The seconds left to play at PC B over the last two minutes, with the times at which the link was cut.

const SPAN_SECONDS = 120;

export class Chart {
  constructor(canvas) {
    this.canvas = canvas;
    this.points = [];
  }

  // Adds the state of this moment and draws; `scale` is the number of seconds at the top.
  add(seconds, isCut, isSilent, scale) {
    const now = performance.now() / 1000;
    this.points.push({ at: now, seconds, isCut, isSilent });
    while (this.points.length && this.points[0].at < now - SPAN_SECONDS - 2) this.points.shift();
    this.draw(now, scale);
  }

  draw(now, scale) {
    const { canvas } = this;
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    const colours = getComputedStyle(document.documentElement);
    const colour = (name) => colours.getPropertyValue(`--${name}`).trim();
    const left = 34, top = 8, bottom = height - 22;
    const x = (at) => left + (width - left) * (1 - (now - at) / SPAN_SECONDS);
    const y = (seconds) => bottom - (bottom - top) * Math.min(seconds / scale, 1);

    pen.font = "12px system-ui, sans-serif";
    pen.textBaseline = "middle";
    pen.lineWidth = 1;
    const step = scale > 90 ? 30 : scale > 45 ? 20 : 10;
    for (let seconds = 0; seconds <= scale; seconds += step) {
      pen.strokeStyle = colour("line");
      pen.beginPath();
      pen.moveTo(left, y(seconds));
      pen.lineTo(width, y(seconds));
      pen.stroke();
      pen.fillStyle = colour("soft");
      pen.textAlign = "right";
      pen.fillText(`${seconds} s`, left - 5, y(seconds));
    }
    pen.textAlign = "center";
    for (let ago = 30; ago < SPAN_SECONDS; ago += 30) pen.fillText(`${ago} s ago`, x(now - ago), height - 7);

    pen.save();
    pen.beginPath();
    pen.rect(left, 0, width - left, height);
    pen.clip();
    this.each((point, next) => point.isCut && this.box(pen, colour("bad-soft"), x(point.at), top, x(next.at), bottom));
    if (this.points.length > 1) {
      pen.beginPath();
      for (const point of this.points) pen.lineTo(x(point.at), y(point.seconds));
      pen.strokeStyle = colour("good-fill");
      pen.lineWidth = 3;
      pen.lineJoin = "round";
      pen.stroke();
      pen.lineTo(x(now), bottom);
      pen.lineTo(x(this.points[0].at), bottom);
      pen.globalAlpha = 0.18;
      pen.fillStyle = colour("good-fill");
      pen.fill();
      pen.globalAlpha = 1;
    }
    this.each((point, next) => point.isSilent && this.box(pen, colour("bad"), x(point.at), bottom - 7, x(next.at), bottom));
    pen.restore();
  }

  each(callback) {
    for (let index = 0; index + 1 < this.points.length; index += 1) callback(this.points[index], this.points[index + 1]);
  }

  box(pen, colour, fromX, fromY, toX, toY) {
    pen.fillStyle = colour;
    pen.fillRect(fromX, fromY, toX - fromX + 0.5, toY - fromY);
  }
}
