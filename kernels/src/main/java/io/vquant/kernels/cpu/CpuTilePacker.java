package io.vquant.kernels.cpu;

import io.vquant.kernels.kvcache.GroupEncoding;
import io.vquant.kernels.kvcache.HeadRows;
import io.vquant.kernels.kvcache.KeyTransform;
import io.vquant.kernels.kvcache.KvPageLayout;
import io.vquant.kernels.kvcache.KvSide;
import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.kvcache.TilePacker;
import io.vquant.kernels.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Transforms and packs on all threads, one head of one tile a block of work. */
final class CpuTilePacker implements TilePacker, AutoCloseable {

  private final CpuContext context;
  private final Map<KvPageLayout, List<HeadPacker>> packers = new HashMap<>();

  CpuTilePacker(CpuContext context) {
    this.context = context;
  }

  @Override
  public void transform(
      PageLayout layout, MemorySegment[] tiles, int tokens, KeyTransform transform) {
    new TileTransformer(context, layout, tiles, tokens, transform).run();
  }

  @Override
  public void pack(
      KvPageLayout layout, MemorySegment[] pages, MemorySegment[] tiles, long[] lines) {
    int heads = layout.numKvHeads();
    List<HeadPacker> workers = packers.computeIfAbsent(layout, this::workers);
    PageLayout tile = new PageLayout(heads, layout.headDim(), DType.BF16);
    context
        .pool()
        .run(
            (block, worker) -> {
              int head = block % heads;
              int page = block / heads;
              workers
                  .get(worker)
                  .pack(
                      pages[page],
                      layout.keysOffset(head),
                      layout.valuesOffset(head),
                      tiles[page].address() + tile.keysOffset(head),
                      tiles[page].address() + tile.valuesOffset(head),
                      lines[block]);
            },
            pages.length * heads);
  }

  private List<HeadPacker> workers(KvPageLayout layout) {
    List<HeadPacker> workers = new ArrayList<>();
    for (int i = 0; i < context.pool().threads(); i++) {
      workers.add(new HeadPacker(layout));
    }
    return workers;
  }

  @Override
  public void close() {
    packers.values().forEach(workers -> workers.forEach(HeadPacker::close));
  }

  /** One worker's codecs and working memory. */
  private static final class HeadPacker implements AutoCloseable {
    private final Scratch scratch = new Scratch();
    private final HeadRows rows;
    private final int headDim;
    private final CpuPageCodec keys;
    private final CpuPageCodec values;

    HeadPacker(KvPageLayout layout) {
      headDim = layout.headDim();
      long rowBytes = (long) Float.BYTES * headDim;
      long memory = scratch.atLeast(rowBytes * PageLayout.TOKENS);
      MemorySegment segment = Simd.MEMORY.asSlice(memory, rowBytes * PageLayout.TOKENS);
      rows = new HeadRows(segment, 0, rowBytes, headDim);
      keys = codec(layout, KvSide.KEYS);
      values = codec(layout, KvSide.VALUES);
    }

    private static CpuPageCodec codec(KvPageLayout layout, KvSide side) {
      var encoding = side == KvSide.KEYS ? layout.format().keys() : layout.format().values();
      return new CpuPageCodec(((GroupEncoding) encoding).layout(side, layout.headDim()));
    }

    void pack(
        MemorySegment page,
        long keysOffset,
        long valuesOffset,
        long tileKeys,
        long tileValues,
        long lines) {
      TileRows.keys(rows.address(), tileKeys, headDim);
      keys.encode(page, keysOffset, rows, lines);
      TileRows.values(rows.address(), tileValues, headDim);
      values.encode(page, valuesOffset, rows, lines);
    }

    @Override
    public void close() {
      keys.close();
      values.close();
      scratch.close();
    }
  }
}
