package io.vquant.kernels.cpu;

import io.vquant.kernels.attention.AttentionSpec;
import io.vquant.kernels.backend.AttentionOperator;
import io.vquant.kernels.kvcache.KvFormat;
import io.vquant.kernels.kvcache.KvLayer;
import io.vquant.kernels.kvcache.KvPageLayout;
import io.vquant.kernels.kvcache.PlainPages;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;

/**
 * Causal attention over a layer that packs. Packed pages are read in place: no 16-bit copy of them
 * exists. A row's keys fall into spans of {@link LineSpan#TILES} tiles that start at fixed
 * multiples of the sequence, each with a softmax of its own: packed pages, then the slab, then hot
 * tiles, merged in this order. A row has the same bits in {@link LineDecode} and {@link
 * LinePrefill}, beside any other rows, on vectors of any width.
 *
 * <p>Rows that the layer observes leave their attention weights in its line scores. A layer that
 * has packed nothing yet is attended to as one that never packs, bit for bit: its observed rows go
 * through the other kernels for their weights alone.
 */
final class CpuLineAttention implements AttentionOperator {

  private final CpuAttention plain;
  private final LineOperands operands;
  private final LineDecode decode;
  private final LinePrefill prefill;

  CpuLineAttention(CpuContext context, AttentionSpec spec, KvFormat format) {
    plain = new CpuAttention(context, spec, DType.BF16);
    KvPageLayout pageLayout = new KvPageLayout(format, spec.numKvHeads(), spec.headDim());
    operands = new LineOperands(spec, pageLayout);
    decode = new LineDecode(context, spec, pageLayout, operands);
    prefill = new LinePrefill(context, spec, pageLayout, operands);
  }

  @Override
  public void forward(Tensor out, Tensor q, KvLayer kv, int startPosition) {
    operands.set(out, q, kv, startPosition);
    PlainPages pages = operands.layer().unpackedPages();
    if (pages == null) {
      attend();
      return;
    }
    int unobserved = Math.max(0, operands.layer().observedFrom() - startPosition);
    if (unobserved < q.rows()) {
      int observed = q.rows() - unobserved;
      Tensor overwritten = out.rows(unobserved, observed); // if at all, and written again below
      operands.set(overwritten, q.rows(unobserved, observed), kv, startPosition + unobserved);
      if (observed == 1) {
        decode.run();
      } else {
        prefill.runObserversOnly();
      }
    }
    plain.forward(out, q, pages, startPosition);
  }

  /** Rows over layers that have packed nothing are attended from together. */
  @Override
  public void decode(Tensor out, Tensor q, KvLayer[] layers, int[] positions) {
    plain.beginRows();
    for (int row = 0; row < q.rows(); row++) {
      Tensor rowOut = out.rows(row, 1);
      Tensor rowQuery = q.rows(row, 1);
      operands.set(rowOut, rowQuery, layers[row], positions[row]);
      PlainPages pages = operands.layer().unpackedPages();
      if (pages == null || positions[row] >= operands.layer().observedFrom()) {
        attend();
      }
      if (pages != null) {
        plain.addRow(rowOut, rowQuery, pages, positions[row]);
      }
    }
    plain.attendRows();
  }

  private void attend() {
    if (operands.positions() == 1) {
      decode.run();
    } else {
      prefill.run();
    }
  }
}
