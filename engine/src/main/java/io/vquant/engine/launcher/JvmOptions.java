package io.vquant.engine.launcher;

import java.util.ArrayList;
import java.util.List;

/** The options of the engine's Java machine; what the user gives comes after them and wins. */
final class JvmOptions {
  private static final String KERNELS = "io.vquant.kernels.cpu.";

  /**
   * The hot loops of the CPU backend that must be compiled on their own: inlined into their callers
   * they would exceed what the compiler optimizes at once.
   */
  private static final List<String> HOT_LOOPS =
      List.of(
          "Bf16DotTile::fourByFour",
          "Bf16DotTile::twoByFour",
          "DotTile::fourByFour",
          "DotTile::twoByFour",
          "OuterTile::fourByFour",
          "OuterTile::twoByFour",
          "OuterTile::twoByOne",
          "Bf16OuterTile::multiply",
          "Bf16Rows::addDot",
          "Bf16Tile::one",
          "Bf16Tile::two",
          "Bf16Tile::three",
          "Bf16Tile::four",
          "CodeFloats::unpack",
          "CodeFloats::widenBf16",
          "CodeFloats::widenHalves",
          "CodePanel::eight",
          "CodePanel::four",
          "CodeTile::one",
          "CodeTile::two",
          "CodeTile::three",
          "CodeTile::four",
          "CodeTile::unscale",
          "HadamardRows::withinVectors",
          "HadamardRows::acrossVectors",
          "PanelFloats::unpackBytes",
          "PanelFloats::unpackWords",
          "PanelGrids::foldHalf",
          "PanelGrids::scale",
          "PanelInput::arrangeNarrow",
          "PanelInput::arrangeVector",
          "PanelInput::arrangeWide",
          "PanelInput::copy",
          "PanelInput::sumLanes",
          "PanelTile::fourByFour",
          "PanelTile::twoByFour",
          "PackedKeys::begin",
          "PackedKeys::add",
          "PackedKeys::shift",
          "PackedKeys::fold",
          "PackedKeys::dot",
          "PackedValues::scale",
          "PackedValues::addZeros",
          "PackedValues::addTo",
          "PackedValues::shift",
          "SpanSoftmax::max",
          "SpanSoftmax::weigh",
          "SpanSoftmax::observe",
          "WordTranspose::eight",
          "WordTranspose::eightNarrow",
          "WordTranspose::four",
          "Bf16Rows::unpack",
          "F16Rows::addDot",
          "F16Rows::unpack",
          "F32Rows::addDot",
          "HalfRows::arrange",
          "LaneReduction::reduceEight",
          "LaneReduction::reduceSixteen",
          "SoftmaxRows::max",
          "SoftmaxRows::weigh",
          "SoftmaxRows::merge");

  /** Other methods with loops over vectors. */
  private static final List<String> VECTOR_LOOPS =
      List.of(
          "AttentionRows::mask",
          "AttentionState::write",
          "CpuGatedActivation::activate",
          "CpuLinear::writeRow",
          "CpuQuantizedLinear::writeRow",
          "CpuResidualAdd::addRow",
          "CpuRmsNorm::scaleRow",
          "CpuRmsNorm::sumOfSquares",
          "CpuRotary::rotateHead",
          "HalfRows::restore",
          "LaneReduction::sum",
          "Simd::zero",
          "SoftmaxRows::scaled");

  /** What does the work of a vector operation, lane by lane, until its loop is compiled. */
  static final String STAND_INS = "jdk.incubator.vector.*::*";

  /**
   * How often a method tells that it ran, as logarithms of calls and of rounds of loops: half as
   * often as usual while it is interpreted, a quarter while it counts. Each time the whole list of
   * commands above is gone through, and what is busy for half a second is compiled for nothing. A
   * server, which lives on, would only be slow for longer.
   */
  private static final List<String> RARE_NOTICES =
      List.of(
          "-XX:Tier0InvokeNotifyFreqLog=8",
          "-XX:Tier0BackedgeNotifyFreqLog=11",
          "-XX:Tier2InvokeNotifyFreqLog=13",
          "-XX:Tier3InvokeNotifyFreqLog=12",
          "-XX:Tier3BackedgeNotifyFreqLog=15");

  private JvmOptions() {}

  /**
   * Options to stand before the user's own.
   *
   * @param command the first word of the command line; empty if there is none
   */
  static List<String> beside(List<String> userOptions, String command) {
    List<String> options = new ArrayList<>();
    if (!choosesCollector(userOptions)) {
      // What lives long is outside the heap: the least memory and the quickest start.
      options.add("-XX:+UseSerialGC");
      options.add("-Xms40m");
      options.add("-Xmn16m");
    }
    options.add("-XX:-UsePerfData");
    // However long the kernels' queue is, what waits goes on counting towards its own compilation.
    options.add("-XX:Tier3DelayOn=100");
    // Code with counters runs for moments: what it calls is not worth a copy in each of them.
    options.add("-XX:C1MaxInlineSize=12");
    if (command.equals("generate")) {
      options.addAll(RARE_NOTICES);
    }
    // The launcher calls a handful of methods by reflection: not worth code of their own.
    options.add("-Djdk.reflect.useNativeAccessorOnly=true");
    options.add("-XX:CompileCommand=quiet");
    for (String method : HOT_LOOPS) {
      compileEarly(options, method);
      options.add("-XX:CompileCommand=dontinline," + KERNELS + method);
    }
    for (String method : VECTOR_LOOPS) {
      compileEarly(options, method);
    }
    // Soon no one calls them any more: compiled as early as others they only delay the loops.
    options.add("-XX:CompileCommand=CompileThresholdScaling," + STAND_INS + ",10.0");
    for (String method : VectorExpressions.METHODS) {
      options.add("-XX:CompileCommand=inline," + KERNELS + method);
    }
    return options;
  }

  private static boolean choosesCollector(List<String> userOptions) {
    for (String option : userOptions) {
      if (option.startsWith("-XX:+Use")) {
        return true;
      }
    }
    return false;
  }

  /**
   * Not compiled, an operation on vectors is a thousand times slower, and keeps the compiler busy
   * with its stand-ins: so these are compiled after a two-hundredth of the usual calls, and whoever
   * needs one waits for it. After so few the compiler knows next to nothing of how often a branch
   * is taken or a loop goes round, and assumes what suits loops; ten times as many would teach it
   * the short loops of a warm-up. What it may not guess about is inlining: {@link
   * VectorExpressions}.
   */
  private static void compileEarly(List<String> options, String method) {
    options.add("-XX:CompileCommand=CompileThresholdScaling," + KERNELS + method + ",0.005");
    options.add("-XX:CompileCommand=BackgroundCompilation," + KERNELS + method + ",false");
  }
}
