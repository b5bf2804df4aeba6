package io.vquant.engine.cli;

import io.vquant.engine.GenerationRequest;
import io.vquant.engine.SamplingParams;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** When answers end. */
final class AnswerOptions {
  @Option(
      names = {"-n", "--max-tokens"},
      paramLabel = "N",
      description = "most tokens of an answer; -1: to its end or the context's (default: -1)")
  private int maxTokens = GenerationRequest.UNLIMITED;

  @Option(
      names = "--stop",
      paramLabel = "TEXT",
      description = "end an answer before this text; may be given several times")
  private List<String> stopStrings = new ArrayList<>();

  @Option(names = "--ignore-eos", description = "go on after tokens that end an answer")
  private boolean ignoreEos;

  /** The same options for plain lines. */
  void addTo(PlainLine line) {
    line.wholeNumber(value -> maxTokens = Integer.parseInt(value), "-n", "--max-tokens");
    line.texts(value -> stopStrings.add(value), "--stop");
    line.flag(() -> ignoreEos = true, "--ignore-eos");
  }

  /** Refuses values that no request takes, before anything is loaded. */
  void check() {
    request(new int[1], SamplingParams.greedy());
  }

  /** The request for one answer. */
  GenerationRequest request(int[] promptIds, SamplingParams params) {
    try {
      return GenerationRequest.builder(promptIds)
          .sampling(params)
          .maxTokens(maxTokens)
          .stopStrings(stopStrings)
          .ignoreEos(ignoreEos)
          .build();
    } catch (IllegalArgumentException e) {
      throw CommandFailure.usage(
          "--" + String.valueOf(e.getMessage()).replaceFirst("^stop text", "stop"));
    }
  }

  int maxTokens() {
    return maxTokens;
  }

  List<String> stopStrings() {
    return List.copyOf(stopStrings);
  }

  boolean ignoresEos() {
    return ignoreEos;
  }
}
