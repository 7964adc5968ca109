#!/usr/bin/env bash
# Tries bge-dedup on a real GPU, on a machine that has an NVIDIA driver and next to nothing else: no Node, no network.
#
#     bash test/by-hand/gpu.sh pack [PART..]          on Linux x64 with network, npm, pip, apt-get, xz: makes the archives below
#     bash test/by-hand/gpu.sh run OUT [FLAG..]       on the GPU machine, in a copy of the checkout with .build-gpu/
#
# pack writes .build-gpu/PART.tar.xz.N, each at most 56 MiB, so that they travel one by one where little travels at a time:
#
#     base   Node, the production dependencies, loaders of Vulkan and OpenGL (from the system's Debian packages)
#     app    the build with this script's programs and the tiny models: all that has to be packed anew after a change
#     cuda   onnxruntime's CUDA provider of the version in package.json, from PyPI's onnxruntime-gpu, with the machine code of
#            compute capability 9.0 alone (H100, H200; GPU_ARCH=89 for an L4 or RTX 40, 80 for an A100, 120 for an RTX 50)
#
# CUDA 13, cuBLAS and cuDNN 9 are taken from the wheels beside that machine's PyTorch or from /usr/local/cuda. On a machine that is
# kept warm from call to call and takes ignored files along, that is three calls, one right after the other:
#
#     carry .build-gpu/base.tar.xz.0                            true
#     carry .build-gpu/app.tar.xz.0 .build-gpu/cuda.tar.xz.0    bash test/by-hand/gpu.sh run "$OUT"
#     carry nothing, or the app packed anew                     bash test/by-hand/gpu.sh run "$OUT" --steps batch,window,tests
#
# run takes 460 seconds at most (--seconds N after unpacking, 440). Each step has a limit of its own; one that fails or is late is
# recorded with its error, and the next goes on. After each step OUT/table.md and OUT/results.json are rewritten, OUT/log.txt has
# all that was printed. Steps of earlier calls stay in the table, as long as .build-gpu/run is there. Other flags:
#
#     --steps A,B        the steps whose names begin so: doctor shape golden speed whole join memory tests fused batch window
#                        probe scale (shape makes the model that speed, whole, memory, batch and window need, "fused shape" one of
#                        fused attention; scale is the join of 1, 4 and 10 million x 1,024 beside the processor's of a tenth of
#                        the rows; each size alone as "scale 4000000", with --seconds 590. Joins of three sizes make an entry of
#                        MEASURED_JOINS in src/run/embed/join-device.ts, which --device auto decides by)
#     --devices A,B      cuda,webgpu; without a GPU cpu,webgpu with VK_DRIVER_FILES naming SwiftShader's file
#     --tiny             sizes of a trial; a run of all steps on two cores takes minutes
#
# node dist/test/by-hand/gpu/record.js OUT/results.json then makes tables of test/bench/README.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$PWD/.build-gpu
ort=node_modules/onnxruntime-node/bin/napi-v6

# Makes an archive of a folder, in parts: archive NAME FOLDER.
archive() {
  rm -f "$build/$1.tar.xz".*
  tar -C "$2" --owner=0 --group=0 -cf - . | xz -T0 -6 | split -b 56M -d -a 1 - "$build/$1.tar.xz."
  ls -l "$build/$1.tar.xz".*
}

pack_base() {
  local stage=$1
  mkdir -p "$stage/app" "$stage/lib" "$stage/debs"
  cp package.json package-lock.json .npmrc "$stage/app/"
  (cd "$stage/app" && npm ci --omit=dev --ignore-scripts --no-audit --no-fund --silent)
  # onnxruntime-node carries the libraries of every platform.
  find "$stage/app/$ort" -mindepth 1 -maxdepth 1 ! -name linux -exec rm -rf {} +
  rm -rf "$stage/app/$ort/linux/arm64" "$stage/app/package.json" "$stage/app/package-lock.json"
  cp "$(node -p process.execPath)" "$stage/node"
  strip "$stage/node" 2>/dev/null || true
  (cd "$stage/debs" && apt-get -qq download libvulkan1 libegl1 libglvnd0 libopengl0 libgl1 libglx0 libgles2 2>/dev/null)
  for deb in "$stage"/debs/*.deb; do dpkg-deb -x "$deb" "$stage/debs/unpacked"; done
  find "$stage/debs/unpacked" -name '*.so.*' -exec cp -P {} "$stage/lib/" \;
  rm -rf "$stage/debs"
}

pack_app() {
  local stage=$1
  npm run build --silent
  mkdir -p "$stage/app/test/by-hand/gpu"
  cp -r package.json bin dist fixtures "$stage/app/"
  cp -r test/models "$stage/app/test/"
  cp test/by-hand/gpu/*.py "$stage/app/test/by-hand/gpu/"
}

pack_cuda() {
  local stage=$1 version wheels=$build/wheels
  version=$(node -p 'require("./package.json").dependencies["onnxruntime-node"]')
  # Any Python's will do: the provider is the same library in each.
  python3 -m pip download -q --no-deps --only-binary=:all: --python-version 3.12 --implementation cp \
    --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 -d "$wheels" "onnxruntime-gpu==$version"
  mkdir -p "$stage/app/$ort/linux/x64"
  for library in cuda shared; do
    python3 -m zipfile -e "$wheels/onnxruntime_gpu-$version"-*.whl "$build/wheel"
    cp "$build/wheel/onnxruntime/capi/libonnxruntime_providers_$library.so" "$stage/app/$ort/linux/x64/"
  done
  rm -rf "$build/wheel"
  [ -e dist/test/by-hand/gpu/trim-fatbin.js ] || npm run build --silent
  library=$stage/app/$ort/linux/x64/libonnxruntime_providers_cuda.so
  node dist/test/by-hand/gpu/trim-fatbin.js "$library" "$library" "${GPU_ARCH:-90}"
}

pack() {
  [ $# -gt 0 ] || set -- base app cuda
  mkdir -p "$build"
  for part in "$@"; do
    stage=$(mktemp -d)
    "pack_$part" "$stage"
    archive "$part" "$stage"
    rm -rf "$stage"
  done
}

# Unpacks what has come anew since the last call.
unpack() {
  for part in base app cuda; do
    ls "$build/$part.tar.xz".* >/dev/null 2>&1 || continue
    sum=$(cat "$build/$part.tar.xz".* | cksum)
    [ "$(cat "$build/run/$part.sum" 2>/dev/null)" = "$sum" ] && continue
    [ "$part" != app ] || rm -rf "$build/run/app/dist"
    cat "$build/$part.tar.xz".* | unxz_anyhow | tar -C "$build/run" -xf -
    echo "$sum" >"$build/run/$part.sum"
  done
}

unxz_anyhow() {
  if command -v xz >/dev/null; then xz -dc
  else python3 -c 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.stdin.buffer), sys.stdout.buffer)'; fi
}

# Folders with CUDA's libraries: of the wheels that PyTorch needs, of the toolkit, of the driver.
cuda_folders() {
  python3 -c '
import glob, importlib.util, os
found = importlib.util.find_spec("nvidia")
for place in found.submodule_search_locations if found else []:
    for folder in sorted({os.path.dirname(file) for file in glob.glob(place + "/*/lib/*.so*")}):
        print(folder)' 2>/dev/null || true
  for folder in /usr/local/cuda/lib64 /usr/local/nvidia/lib64 /usr/local/nvidia/lib; do
    [ ! -d "$folder" ] || echo "$folder"
  done
}

run() {
  local out
  mkdir -p "$build/run" "$1"
  out=$(cd "$1" && pwd)
  shift
  unpack
  [ -x "$build/run/node" ] && [ -d "$build/run/app/dist" ] || { echo "no .build-gpu/base.tar.xz.0 and app.tar.xz.0; see pack" >&2; exit 2; }
  export PATH=$build/run:$PATH
  folders=$(cuda_folders)
  # The machine's own loaders, where it has them, fit its driver.
  ldconfig -p 2>/dev/null | grep -q 'libvulkan\.so\.1' || folders="$folders $build/run/lib"
  LD_LIBRARY_PATH=$(echo $folders | tr ' ' ':')${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  export LD_LIBRARY_PATH
  icd=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json
  [ -n "${VK_DRIVER_FILES:-}" ] || [ ! -e "$icd" ] || export VK_DRIVER_FILES=$icd
  echo "libraries from: $LD_LIBRARY_PATH"
  cd "$build/run/app"
  node dist/test/by-hand/gpu/steps.js --out "$out" --work "$build/run/work" "$@"
}

case ${1:-} in
  pack) shift; pack "$@" ;;
  run) [ $# -ge 2 ] || { echo "expected: gpu.sh run OUT [FLAG..]" >&2; exit 2; }; shift; run "$@" ;;
  *) sed -n '2,/^set -e/p' "$0" | sed '$d;s/^# \{0,1\}//'; exit 2 ;;
esac
