package io.vquant.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.vquant.eval.EvalTask.Score;
import io.vquant.model.ForwardCancelledException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class EvalResultTest {
  private static final EvalMetric ACC = EvalMetric.of("acc", true, EvalMetric.Aggregation.MEAN);
  private static final EvalMetric PERPLEXITY =
      new EvalMetric("ppl", "f", false, EvalMetric.Aggregation.PERPLEXITY);

  /** Four documents, correct but for the last; the model is not asked. */
  private static class FourDocuments implements EvalTask {
    @Override
    public TaskProfile profile() {
      return new TaskProfile("four", 3, 2, List.of(ACC, PERPLEXITY), Map.of("output_type", "none"));
    }

    @Override
    public int size() {
      return 4;
    }

    @Override
    public Sample ask(LanguageModel model, int index) {
      return new Sample(List.of(Score.of(index < 3), Score.of(-1)), Map.of());
    }
  }

  @SuppressWarnings("NullAway")
  private static EvalResult run(EvalTask task, int limit, EvalResult.Watcher watcher) {
    return EvalResult.run(task, null, limit, watcher).orElseThrow();
  }

  @Test
  void errorsOfMeansByHand() {
    EvalResult result = run(new FourDocuments(), 100, (done, planned) -> true);
    assertThat(result.partial()).isFalse();
    assertThat(result.value(ACC)).isEqualTo(0.75);
    // sample standard deviation 1/2 over the root of 4
    assertThat(result.standardError(ACC).getAsDouble()).isCloseTo(0.25, within(1e-12));
    assertThat(result.value(PERPLEXITY)).isCloseTo(Math.E, within(1e-12));
    assertThat(result.standardError(PERPLEXITY).getAsDouble()).isZero();
  }

  @Test
  void errorOfAWeightedMeanByHand() {
    List<Score> scores = List.of(new Score(-2, 1), new Score(-4, 3));
    // ratio -3/2; residuals -1/2 and 1/2; mean weight 2
    EvalMetric bits = EvalMetric.of("bits", false, EvalMetric.Aggregation.BITS);
    double ofMean = Math.sqrt(0.5 / 1 / 2) / 2;
    assertThat(bits.value(scores)).isCloseTo(1.5 / Math.log(2), within(1e-12));
    assertThat(bits.standardError(scores).getAsDouble())
        .isCloseTo(ofMean / Math.log(2), within(1e-12));
    assertThat(bits.standardError(scores.subList(0, 1))).isEmpty();
  }

  @Test
  void anInterruptedTaskKeepsItsDocuments() {
    EvalResult watched = run(new FourDocuments(), 4, (done, planned) -> done < 2);
    assertThat(watched.samples()).hasSize(2);
    assertThat(watched.partial()).isTrue();
    EvalTask cancelled =
        new FourDocuments() {
          @Override
          public Sample ask(LanguageModel model, int index) {
            if (index == 3) {
              throw new ForwardCancelledException(1);
            }
            return super.ask(model, index);
          }
        };
    assertThat(run(cancelled, 4, (done, planned) -> true).samples()).hasSize(3);
    assertThat(EvalResult.run(cancelled, null, 4, (done, planned) -> false)).isEmpty();
    assertThat(run(new FourDocuments(), 3, (done, planned) -> true).partial()).isFalse();
  }

  @Test
  void tableAndJsonAreThoseOfTheHarness() {
    EvalReport report = new EvalReport(List.of(run(new FourDocuments(), 4, (d, p) -> true)));
    assertThat(report.table())
        .isEqualTo(
            """
            | Tasks | Version | Filter | n-shot | Metric |   |  Value |   | Stderr |
            |-------|--------:|--------|-------:|--------|---|-------:|---|-------:|
            | four  |       3 | none   |      2 | acc    | ↑ | 0.7500 | ± | 0.2500 |
            |       |         | f      |      2 | ppl    | ↓ | 2.7183 | ± | 0.0000 |
            """);
    Map<String, Object> json = report.json(Map.of("limit", 4));
    assertThat(json)
        .containsKeys("results", "configs", "versions", "n-shot", "higher_is_better", "n-samples");
    assertThat(json.get("results").toString())
        .isEqualTo(
            "{four={alias=four, acc,none=0.75, acc_stderr,none=0.25,"
                + " ppl,f=2.718281828459045, ppl_stderr,f=0.0}}");
    assertThat(json.get("n-samples").toString()).isEqualTo("{four={original=4, effective=4}}");
    EvalReport one = new EvalReport(List.of(run(new FourDocuments(), 1, (d, p) -> true)));
    assertThat(one.table()).contains("N/A");
    assertThat(one.json(Map.of()).get("results").toString()).contains("acc_stderr,none=N/A");
  }

  @Test
  void everyTaskIsListedOnce() {
    assertThat(EvalTasks.names()).doesNotHaveDuplicates().contains("gsm8k", "lastword");
    assertThat(EvalTasks.find("gsm8k").orElseThrow().fewShot()).hasValue(5);
    assertThat(EvalTasks.find("nothing")).isEmpty();
  }
}
