#!/bin/sh
# The long measurements of README.md, one after another; each writes its result to OUT.
#   eval/measure.sh MODEL_DIR WIKITEXT GSM8K HAYSTACK_DIR OUT [THREADS]
# MODEL_DIR is SmolLM2-135M-Instruct, WIKITEXT the raw test split of WikiText-2.
# On two idle cores all of it takes some hours, the first three about 20 minutes.
set -eu
[ $# -ge 5 ] || { sed -n '2,5p' "$0" >&2; exit 2; }
model=$1 wikitext=$2 gsm8k=$3 haystack=$4 out=$5 threads=${6:-$(nproc)}
jar=$(dirname "$0")/../engine/target/vquant-engine.jar
mkdir -p "$out"

vquant() { # name of the result, then the command's arguments
  result=$out/$1; shift
  [ -s "$result" ] && { echo "$result is there" >&2; return; }
  echo "vquant $*" >&2
  # An interrupted command has written what it had, marked partial; it is not taken for the whole.
  java -jar "$jar" "$@" -t "$threads" > "$result.part" && mv "$result.part" "$result"
}

# Is it the model that transformers computes? 21.964 and 22.308 are asked.
vquant ppl-prefill-147.json perplexity -m "$model" --text "$wikitext" -c 2048 --kv f32 --json
vquant ppl-decode-8.json perplexity -m "$model" --text "$wikitext" -c 2048 --kv f32 --mode decode --limit 8 --json
vquant ppl-llama-40.json perplexity -m "$model" --text "$wikitext" -c 512 --protocol llama.cpp --limit 40 --kv f32 --json
# What does a packed cache cost?
vquant sweep-1024.md kv-sweep -m "$model" --text "$wikitext" -c 1024 --limit 12 --png "$out/sweep-1024.png"
vquant sweep-4096.md kv-sweep -m "$model" --text "$wikitext" -c 4096 --limit 2 --k 8,4 --v 8,4 --png "$out/sweep-4096.png"
vquant default-8192.json perplexity -m "$model" --text "$wikitext" -c 8192 --limit 2 --mode decode --against bf16 --json
# Which of its parts are worth it?
vquant ablations.md kv-sweep -m "$model" --text "$wikitext" -c 1024 --limit 4 --kv k4v4 \
  --kv k4v4,lines=0,sinks=0,window=0 --kv k4v4,lines=0,window=0 --kv k4v4,lines=0 \
  --kv k4v4,lines=32 --kv k4v4,lines=64 --kv k4v4,lines=128 --kv k4v4,window=64 \
  --kv k4v4,window=256 --kv k4v4,smooth=off --kv k4v4,hadamard=off \
  --kv k4v4,smooth=off,hadamard=off --kv k4v4,score=a
# Does the model still find and reason?
for kv in bf16 k8v4 k4v4; do
  vquant needle-$kv.md needle --kv $kv --trials 5 --png "$out/needle-$kv.png"
  vquant needle-haystack-$kv.md needle -m "$model" --kv $kv --haystack "$haystack" --trials 3
  vquant gsm8k-$kv.json eval -m "$model" --kv $kv --tasks gsm8k --data "$gsm8k" --limit 200 --json
done
# How fast is it?
vquant bench.md bench -m "$model" -p 512 -n 128 -d 0,2048,7500 -r 5 --kv bf16 --kv k8v4 --kv k4v4
vquant bench-1b.md bench --random llama-3.2-1b -p 512 -n 32 -d 0,2048 -r 3 --kv bf16 --kv k4v4
