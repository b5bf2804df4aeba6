package io.vquant.engine.launcher;

import java.util.ArrayList;
import java.util.List;

/** The options of the engine's Java machine; what the user gives comes after them and wins. */
final class JvmOptions {

  /**
   * The hot loops of the CPU backend. Not compiled, an operation on vectors is a thousand times
   * slower, and what it does instead keeps the compiler busy with the wrong methods: so these are
   * compiled soon, and whoever needs one waits for it.
   */
  private static final List<String> HOT_LOOPS =
      List.of(
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
          "CodeTile::one",
          "CodeTile::two",
          "CodeTile::three",
          "CodeTile::four",
          "CodeTile::unscale",
          "HadamardRows::withinVectors",
          "HadamardRows::acrossVectors",
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
          "LaneReduction::merge",
          "SoftmaxRows::max",
          "SoftmaxRows::weigh",
          "SoftmaxRows::merge");

  private JvmOptions() {}

  /** Options to stand before the user's own. */
  static List<String> beside(List<String> userOptions) {
    List<String> options = new ArrayList<>();
    if (userOptions.stream().noneMatch(option -> option.startsWith("-XX:+Use"))) {
      // What lives long is outside the heap: the least memory and the quickest start.
      options.add("-XX:+UseSerialGC");
      options.add("-Xms40m");
      options.add("-Xmn16m");
    }
    options.add("-XX:-UsePerfData");
    options.add("-XX:CompileCommand=quiet");
    for (String method : HOT_LOOPS) {
      String pattern = "io.vquant.kernels.cpu." + method;
      options.add("-XX:CompileCommand=CompileThresholdScaling," + pattern + ",0.1");
      options.add("-XX:CompileCommand=BackgroundCompilation," + pattern + ",false");
      options.add("-XX:CompileCommand=dontinline," + pattern);
    }
    return options;
  }
}
