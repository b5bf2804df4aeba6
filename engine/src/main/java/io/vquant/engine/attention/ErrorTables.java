package io.vquant.engine.attention;

import io.vquant.kernels.attention.AttentionPrecision;
import io.vquant.kernels.attention.KeyScales;
import io.vquant.kernels.attention.LineCriterion;
import io.vquant.kernels.attention.ValuePrecision;
import io.vquant.kernels.kvcache.LineBudget;
import io.vquant.kernels.quant.SymmetricInt;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;

/** The tables of the prefill operator's error, by name. */
public final class ErrorTables {

  /** One line a name; {@code layers} is added by whoever prints, since its rows are layers. */
  public static final List<String> NAMES =
      List.of("main", "layers", "lines", "score", "adaptive", "chunks", "softmax", "scales");

  private static final int WINDOW = AttentionPrecision.WINDOW;
  private static final LineBudget ONE_PERCENT = LineBudget.ofShare(0.01);
  private static final int[] LINE_COUNTS = {0, 4, 16, 32, 64, 128, 256};
  private static final int[] WINDOWS = {0, 64, 128, 256};
  private static final List<String> FORMATS =
      List.of(SymmetricInt.INT4.name(), SymmetricInt.INT8.name());

  private ErrorTables() {}

  /** The default: lines for 1 % of the tokens, window 128, smoothed keys and Hadamard transform. */
  public static PrefillVariant vquant(SymmetricInt format) {
    return new PrefillVariant(AttentionPrecision.of(format), LineChoice.of(ONE_PERCENT));
  }

  /** The tables of one of {@link #NAMES}; none for {@code layers}. */
  public static List<ErrorTable> of(String name) {
    return switch (name) {
      case "main" -> List.of(main());
      case "layers" -> List.of();
      case "lines" -> lines();
      case "score" -> List.of(score());
      case "adaptive" -> List.of(adaptive());
      case "chunks" -> List.of(chunks());
      case "softmax" -> List.of(softmax());
      case "scales" -> List.of(scales());
      default ->
          throw new IllegalArgumentException(
              "table " + name + ": expected one of " + String.join(", ", NAMES));
    };
  }

  private static ErrorTable main() {
    List<ErrorTable.Row> rows =
        List.of(
            row("window 128 alone", LineChoice.NONE, WINDOW),
            row("20 lines alone", LineChoice.ofCount(20), 0),
            row("4 sinks + window", LineChoice.ofCount(4), WINDOW),
            row("8 lines + window", LineChoice.ofCount(8), WINDOW),
            row("20 lines + window", LineChoice.ofCount(20), WINDOW),
            row("1 % lines (128 to 512) + window", LineChoice.of(ONE_PERCENT), WINDOW),
            row("64 lines + window", LineChoice.ofCount(64), WINDOW));
    return new ErrorTable("main", "Lines and window", "full precision", FORMATS, rows);
  }

  private static ErrorTable.Row row(String label, LineChoice lines, int window) {
    return row(label, precision -> precision.withWindow(window), lines);
  }

  private static ErrorTable.Row row(
      String label, UnaryOperator<AttentionPrecision> change, LineChoice lines) {
    List<PrefillVariant> variants = new ArrayList<>();
    for (String format : FORMATS) {
      AttentionPrecision precision = AttentionPrecision.of(SymmetricInt.valueOf(format));
      variants.add(new PrefillVariant(change.apply(precision), lines));
    }
    return new ErrorTable.Row(label, variants);
  }

  private static List<ErrorTable> lines() {
    List<ErrorTable> tables = new ArrayList<>();
    for (String format : FORMATS) {
      for (boolean smooth : new boolean[] {true, false}) {
        for (boolean hadamard : new boolean[] {true, false}) {
          AttentionPrecision precision =
              AttentionPrecision.of(SymmetricInt.valueOf(format)).withTransform(smooth, hadamard);
          String transform = (smooth ? "smoothK" : "no smoothK") + ", " + (hadamard ? "H" : "no H");
          tables.add(lines(format + ", " + transform, precision));
        }
      }
    }
    return tables;
  }

  private static ErrorTable lines(String title, AttentionPrecision precision) {
    List<ErrorTable.Row> rows = new ArrayList<>();
    for (int count : LINE_COUNTS) {
      List<PrefillVariant> variants = new ArrayList<>();
      for (int window : WINDOWS) {
        variants.add(new PrefillVariant(precision.withWindow(window), LineChoice.ofCount(count)));
      }
      rows.add(new ErrorTable.Row(Integer.toString(count), variants));
    }
    List<String> columns = Arrays.stream(WINDOWS).mapToObj(w -> "W = " + w).toList();
    return new ErrorTable("lines", title, "lines", columns, rows);
  }

  private static ErrorTable score() {
    int[] counts = {16, 32, 64};
    List<String> columns = new ArrayList<>();
    for (String format : FORMATS) {
      for (int count : counts) {
        columns.add(format + ", " + count + " lines");
      }
    }
    List<ErrorTable.Row> rows = new ArrayList<>();
    for (LineCriterion criterion : LineCriterion.values()) {
      List<PrefillVariant> variants = new ArrayList<>();
      for (String format : FORMATS) {
        for (int count : counts) {
          variants.add(
              new PrefillVariant(
                  AttentionPrecision.of(SymmetricInt.valueOf(format)),
                  new LineChoice(criterion, LineBudget.ofCount(count), 0)));
        }
      }
      rows.add(new ErrorTable.Row(label(criterion), variants));
    }
    return new ErrorTable("score", "What lines are chosen by", "score", columns, rows);
  }

  private static String label(LineCriterion criterion) {
    return switch (criterion) {
      case SQUARED_WEIGHT -> "mean a^2";
      case WEIGHT -> "mean a";
      case KEY_NORM -> "key norm";
    };
  }

  private static ErrorTable adaptive() {
    List<ErrorTable.Row> rows = new ArrayList<>();
    rows.add(row("1 % of the tokens", LineChoice.of(ONE_PERCENT), WINDOW));
    for (double share : new double[] {0.5, 0.8, 0.9, 0.95}) {
      String label = String.format(Locale.ROOT, "%.0f %% of a^2", 100 * share);
      rows.add(row(label, LineChoice.covering(share), WINDOW));
    }
    return new ErrorTable("adaptive", "How many lines", "lines a head", FORMATS, rows);
  }

  /** What a prompt's middle loses when its end chooses the lines. */
  private static ErrorTable chunks() {
    int[] counts = {32, 64, 128};
    List<String> columns = new ArrayList<>();
    for (String format : FORMATS) {
      for (int count : counts) {
        columns.add(format + ", " + count + " lines");
      }
    }
    List<ErrorTable.Row> rows = new ArrayList<>();
    for (int chunkRows : new int[] {PrefillVariant.WHOLE, 1024, 256}) {
      List<PrefillVariant> variants = new ArrayList<>();
      for (String format : FORMATS) {
        for (int count : counts) {
          AttentionPrecision precision = AttentionPrecision.of(SymmetricInt.valueOf(format));
          variants.add(new PrefillVariant(precision, LineChoice.ofCount(count), chunkRows));
        }
      }
      String label = chunkRows == PrefillVariant.WHOLE ? "all rows" : chunkRows + " rows";
      rows.add(new ErrorTable.Row(label, variants));
    }
    return new ErrorTable("chunks", "Lines chosen for every so many rows", "for", columns, rows);
  }

  private static ErrorTable softmax() {
    LineChoice lines = LineChoice.of(ONE_PERCENT);
    List<ErrorTable.Row> rows =
        List.of(
            row("PV exact, two states", p -> p, lines),
            row("PV exact, one state", p -> p.withSplitSoftmax(false), lines),
            row("PV E4M3, two states", p -> p.withValue(ValuePrecision.E4M3), lines),
            row(
                "PV E4M3, one state",
                p -> p.withValue(ValuePrecision.E4M3).withSplitSoftmax(false),
                lines));
    return new ErrorTable("softmax", "One softmax state or two", "PV", FORMATS, rows);
  }

  private static ErrorTable scales() {
    LineChoice lines = LineChoice.of(ONE_PERCENT);
    List<ErrorTable.Row> rows =
        List.of(
            row("a token", p -> p, lines),
            row("64 tokens", p -> p.withKeyScales(KeyScales.PER_TILE), lines));
    return new ErrorTable("scales", "Keys that share a scale", "one scale for", FORMATS, rows);
  }
}
