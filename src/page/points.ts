import {
  createBufferInfoFromArrays,
  createProgramInfo,
  drawBufferInfo,
  setBuffersAndAttributes,
  setUniforms,
} from "twgl.js";

/** What is seen of the map: the place in its middle, in 0 to 1 of the square of points, and the width that is seen. */
export interface View {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  /** Places that a pixel covers from top to bottom, for each one from left to right. */
  readonly stretch: number;
}

/** Draws points by WebGL. */
export interface PointRenderer {
  /**
   * Draws all points.
   * @param options.colours red, green, blue and opacity of each point, 4 × n bytes
   * @param options.size diameter of a point in device pixels
   */
  draw(options: { readonly view: View; readonly size: number }): void;
  /** Gives each point a colour: red, green, blue and opacity, 4 × n bytes. */
  colour(colours: Uint8Array): void;
}

const VERTEX = `#version 300 es
in vec2 place; in vec4 colour; uniform vec2 middle; uniform vec2 scale; uniform float size; out vec4 shade;
void main() { shade = colour; gl_PointSize = size * (0.6 + 0.4 * colour.a); gl_Position = vec4((place - middle) * scale, 0.0, 1.0); }`;
const FRAGMENT = `#version 300 es
precision mediump float; in vec4 shade; out vec4 result;
void main() {
  float edge = 1.0 - smoothstep(0.7, 1.0, length(2.0 * gl_PointCoord - 1.0));
  result = vec4(shade.rgb * shade.a * edge, shade.a * edge);
}`;

/**
 * Prepares the drawing of points. twgl.js and not a library of scatter plots: regl-scatterplot builds functions from
 * strings, which the page's policy forbids, and deck.gl is 25 times as large.
 * @returns undefined where the browser has no WebGL 2
 */
export function createPoints(canvas: HTMLCanvasElement, x: Uint16Array, y: Uint16Array): PointRenderer | undefined {
  const gl = canvas.getContext("webgl2", { alpha: true, premultipliedAlpha: true, antialias: false });
  if (gl === null) return undefined;
  const places = new Uint16Array(2 * x.length);
  for (let i = 0; i < x.length; i++) {
    places[2 * i] = x[i];
    places[2 * i + 1] = y[i];
  }
  const program = createProgramInfo(gl, [VERTEX, FRAGMENT]);
  const buffers = createBufferInfoFromArrays(gl, {
    place: { numComponents: 2, data: places, normalize: true },
    colour: { numComponents: 4, data: new Uint8Array(4 * x.length), normalize: true, drawType: gl.DYNAMIC_DRAW },
  });
  const colourBuffer = buffers.attribs?.colour.buffer ?? null;
  return {
    colour(colours) {
      gl.bindBuffer(gl.ARRAY_BUFFER, colourBuffer);
      gl.bufferData(gl.ARRAY_BUFFER, colours, gl.DYNAMIC_DRAW);
    },
    draw({ view, size }) {
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.enable(gl.BLEND);
      gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
      gl.useProgram(program.program);
      const scale = 2 / view.width;
      setBuffersAndAttributes(gl, program, buffers);
      setUniforms(program, {
        middle: [view.x, view.y],
        scale: [scale, (scale * canvas.width) / (canvas.height * view.stretch)],
        size,
      });
      drawBufferInfo(gl, buffers, gl.POINTS);
    },
  };
}
