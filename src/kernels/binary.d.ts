/** The module that src/bundle/kernels.mjs compiles from src/kernels/wasm, in base64. */
export declare const binary: string;
