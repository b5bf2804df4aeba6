package io.vquant.engine.launcher;

import java.util.List;

/**
 * The methods of the CPU backend that take or return a vector. They must be inlined wherever they
 * are called, or the vector becomes an object there; the compiler, which knows little of a loop
 * that it compiles early, would leave some out as called too rarely. A test finds what is missing
 * here.
 */
final class VectorExpressions {
  static final List<String> METHODS =
      List.of(
          "CodeFloats::bf16",
          "CodeFloats::halves",
          "CodeFloats::loadHalves",
          "CodePanel::bytes",
          "CodeTile::floats",
          "CodeTile::load",
          "CpuPanelEncoder::code",
          "E4M3Products::truncated",
          "Exp2::exp",
          "Exp2::of",
          "Exp2::ofNegative",
          "Exp2::power",
          "F16Pairs::even",
          "F16Pairs::odd",
          "F16Pairs::toFloats",
          "GroupCodes::code",
          "GroupCodes::inverse",
          "GroupCodes::shiftedCode",
          "GroupFit::element",
          "GroupFit::setSlot",
          "GroupFit::slot",
          "HalfRounding::round",
          "OuterTile::store4",
          "PageDecoder::floatCodes",
          "PanelFloats::floats",
          "PanelFloats::load",
          "PanelFloats::top",
          "Simd::evenBf16",
          "Simd::load",
          "Simd::loadPairs",
          "Simd::oddBf16",
          "Simd::store",
          "TileRows::widened",
          "WordTranspose::index",
          "WordTranspose::load",
          "WordTranspose::store");

  private VectorExpressions() {}
}
