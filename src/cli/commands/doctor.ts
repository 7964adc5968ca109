import type { Argv } from "yargs";
import { chosen } from "../../run/flags/parse.js";
import { DEVICES, DTYPES, endpointChoice, memoryOf, modelName } from "../../run/flags/shared.js";
import { runCommand } from "../command.js";
import { sharedFlags } from "../flags.js";
import { EXIT_CODES, type ExitWith, type FlagsOf } from "./add-command.js";
import type { DoctorOptions } from "./try-model.js";

/** Declares `doctor`. */
export function addDoctor(parser: Argv, exitWith: ExitWith): void {
  parser.command("doctor", "print versions and devices, and try a model or a server", doctorArguments, (flags) =>
    exitWith(doctorCommand(flags)),
  );
}

function doctorArguments(args: Argv) {
  const { model, device, dtype, endpoint, concurrency, memory, json } = sharedFlags;
  const endpointModel = sharedFlags["endpoint-model"];
  return args
    .options({ model, device, dtype, endpoint, "endpoint-model": endpointModel, concurrency, memory, json })
    .example("$0 doctor", "the devices of this machine, and a try of the builtin model")
    .example("$0 doctor -m bge-base-zh-v1.5", "whether this model can be had, and how fast it is here")
    .epilogue(EXIT_CODES);
}

async function doctorCommand(flags: FlagsOf<typeof doctorArguments>): Promise<number> {
  const options: DoctorOptions = {
    model: modelName(flags.model),
    endpoint: endpointChoice(flags),
    device: chosen("device", flags.device, DEVICES),
    dtype: chosen("dtype", flags.dtype, DTYPES),
    memory: memoryOf(flags.memory),
  };
  return runCommand({ progress: "none", resumes: false }, async ({ print, signal }) => {
    const { runDoctor } = await import("./try-model.js");
    return runDoctor(options, { print, json: flags.json, signal });
  });
}
