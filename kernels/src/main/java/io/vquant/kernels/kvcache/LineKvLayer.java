package io.vquant.kernels.kvcache;

import io.vquant.kernels.quant.Float16;
import io.vquant.kernels.quant.HadamardTransform;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One layer that keeps lines and the newest tokens in 16 bits and packs the rest. Every position is
 * in exactly one of three places where attention reads it:
 *
 * <ol>
 *   <li>the <b>slab</b>: {@link #slabRows} rows a KV head in BF16 tiles, each with its position;
 *   <li>the <b>packed pages</b> {@code firstPackedPage() ... packedPages() - 1}: page i holds the
 *       positions {@code 64 i ... 64 i + 63} of all heads in codes; a bit of {@link #lineMasks}
 *       tells that the token is a line of that head, to be read from the slab (its codes are there,
 *       but are not to be seen);
 *   <li>the <b>hot tiles</b>: positions {@link #hotStart} (a multiple of 64) to {@code length() -
 *       1} in BF16 tiles in order. Between passes that is the ring, the newest {@code window} to
 *       {@code window + 63} tokens; while a pass is under way it is all of its tokens too.
 * </ol>
 *
 * <p>Tiles are 64 tokens of all heads in {@link PageLayout}. What lies behind the last row of a
 * tile is undefined. Everything is stored transformed ({@link KeyTransform}): attention transforms
 * its queries by {@link #keyTransform}, and its output by {@link #valueTransform} if there is one.
 */
public final class LineKvLayer implements HostKvLayer {

  private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED;

  /** Half of what FP16 holds, so that a key less the mean key still fits. */
  private static final float MAX_MAGNITUDE = Float16.MAX_VALUE / 2;

  private final KvLayerSpec spec;
  private final int maxTokens;
  private final KvPageLayout pageLayout;
  private final PageLayout tileLayout;
  private final TilePacker packer;
  private final Tiles tiles;
  private final KeyTransform transform;
  private final Slab slab;
  private final BlockList packed;
  private final LineMasks masks;
  private final BlockList hot;
  private final LineScores scores;
  private final LineSelection selection = new LineSelection();
  private final float[] row;
  private int length;
  private int passStart;
  private int passEnd;

  LineKvLayer(KvCacheSpec cache, KvLayerSpec spec, TilePacker packer, KvMemory memory) {
    this.spec = spec;
    this.packer = packer;
    maxTokens = cache.maxTokens();
    int heads = cache.numKvHeads();
    int headDim = cache.headDim();
    pageLayout = new KvPageLayout(spec.policy().format(), heads, headDim);
    tileLayout = new PageLayout(heads, headDim, DType.BF16);
    tiles = new Tiles(tileLayout);
    transform = new KeyTransform(spec.policy(), heads, headDim);
    slab = new Slab(tileLayout, memory);
    packed = new BlockList(memory, pageLayout.byteSize());
    masks = new LineMasks(heads);
    hot = new BlockList(memory, tileLayout.byteSize());
    scores = new LineScores(heads);
    row = new float[headDim];
  }

  private LineKvLayer(LineKvLayer other) {
    spec = other.spec;
    packer = other.packer;
    maxTokens = other.maxTokens;
    pageLayout = other.pageLayout;
    tileLayout = other.tileLayout;
    tiles = other.tiles;
    transform = other.transform.copy();
    slab = other.slab.share();
    packed = other.packed.share();
    masks = other.masks.copy();
    hot = other.hot.share();
    scores = other.scores.copy();
    row = new float[tileLayout.headDim()];
    length = other.length;
    passStart = length;
    passEnd = length;
  }

  public KvLayerSpec spec() {
    return spec;
  }

  /** How a packed page lies. */
  public KvPageLayout pageLayout() {
    return pageLayout;
  }

  /** How a tile lies: BF16. */
  public PageLayout tileLayout() {
    return tileLayout;
  }

  /** What queries go through, if anything. */
  public @Nullable HadamardTransform keyTransform() {
    return transform.keys();
  }

  /** What brings an output of attention back to the model's channels, if anything. */
  public @Nullable HadamardTransform valueTransform() {
    return transform.values();
  }

  /** Index of the first packed page that is still there; those before left the sliding window. */
  public int firstPackedPage() {
    return packed.first();
  }

  /** Packed pages, those given up included: also the index of the first hot tile's page. */
  public int packedPages() {
    return packed.size();
  }

  public MemorySegment packedPage(int index) {
    return packed.segment(index);
  }

  /** The line masks of a head, one a packed page; valid until the next pass. */
  public long[] lineMasks(int kvHead) {
    return masks.ofHead(kvHead);
  }

  /** Position of the first hot token. */
  public int hotStart() {
    return packed.size() * PageLayout.TOKENS;
  }

  public int hotTiles() {
    return hot.size();
  }

  /** Positions {@code hotStart() + 64 index} and on. */
  public MemorySegment hotTile(int index) {
    return hot.segment(index);
  }

  /** Lines of a head. */
  public int slabRows(int kvHead) {
    return slab.count(kvHead);
  }

  public int slabPosition(int kvHead, int slabRow) {
    return slab.position(kvHead, slabRow);
  }

  /** The mean of a^2 that keeps a line where it is ({@link LineScores}). */
  public float slabScore(int kvHead, int slabRow) {
    return slab.score(kvHead, slabRow);
  }

  /** Rows {@code 64 index} and on of all heads. */
  public MemorySegment slabTile(int index) {
    return slab.tile(index);
  }

  /** Where attention adds what the observed rows of a pass saw. */
  public LineScores scores() {
    return scores;
  }

  /** Position of the first row of this pass that is observed. */
  public int observedFrom() {
    return Math.max(passStart, passEnd - LineScores.OBSERVED_ROWS);
  }

  /** Position after the last row of this pass. */
  public int passEnd() {
    return passEnd;
  }

  @Override
  public int length() {
    return length;
  }

  @Override
  public void beginPass(int rows) {
    passStart = length;
    passEnd = length + rows;
    scores.reserve(passEnd - hotStart());
    scores.clearPass();
  }

  @Override
  public void append(Tensor keys, Tensor values, int startPosition) {
    int width = tileLayout.numKvHeads() * tileLayout.headDim();
    boolean fits =
        keys.dtype() == DType.F32
            && values.dtype() == DType.F32
            && keys.columns() == width
            && values.columns() == width
            && values.rows() == keys.rows();
    if (!fits) {
      throw new IllegalArgumentException(
          "keys %s %s, values %s %s: expected F32 of %d columns"
              .formatted(keys.dtype(), keys.layout(), values.dtype(), values.layout(), width));
    }
    if (startPosition != length || keys.rows() > Math.min(passEnd, maxTokens) - length) {
      throw new IllegalArgumentException(
          "append of %d rows at position %d: the layer holds %d tokens of at most %d, its pass ends at %d"
              .formatted(keys.rows(), startPosition, length, maxTokens, passEnd));
    }
    for (int r = 0; r < keys.rows(); r++) {
      int slot = length - hotStart();
      int tile = slot / PageLayout.TOKENS;
      MemorySegment to = tile == hot.size() ? hot.add() : hot.writable(tile);
      for (int head = 0; head < tileLayout.numKvHeads(); head++) {
        load(keys, r, head);
        transform.applyToKey(row, head);
        requireStorable("key", head);
        tiles.writeKey(to, head, slot % PageLayout.TOKENS, row);
        load(values, r, head);
        transform.applyToValue(row);
        requireStorable("value", head);
        tiles.writeValue(to, head, slot % PageLayout.TOKENS, row);
      }
      length++;
    }
  }

  private void load(Tensor from, int r, int kvHead) {
    MemorySegment segment = from.segment();
    long at = from.rowByteOffset(r) + (long) Float.BYTES * kvHead * row.length;
    for (int c = 0; c < row.length; c++) {
      row[c] = segment.get(F32, at + (long) Float.BYTES * c);
    }
  }

  private void requireStorable(String what, int kvHead) {
    for (int c = 0; c < row.length; c++) {
      if (!(Math.abs(row[c]) <= MAX_MAGNITUDE)) {
        throw new UnstorableValueException(
            "%s of position %d, KV head %d, channel %d is %s: KV format %s holds magnitudes up to %.0f; --kv f32 and bf16 hold any"
                .formatted(what, length, kvHead, c, row[c], spec.policy().format(), MAX_MAGNITUDE));
      }
    }
  }

  @Override
  public void endPass() {
    if (length != passEnd) {
      throw new IllegalStateException("pass ends at " + passEnd + ", not at " + length);
    }
    updateScores();
    int pages = (length - hotStart() - spec.policy().window()) / PageLayout.TOKENS;
    if (pages > 0) {
      pack(pages);
    }
    dropInvisible();
    passStart = length;
  }

  private void updateScores() {
    int first = observedFrom();
    if (first == passEnd) {
      return;
    }
    scores.addHot(hotStart(), length - hotStart(), first, passEnd, spec.slidingWindow());
    for (int head = 0; head < tileLayout.numKvHeads(); head++) {
      for (int r = 0; r < slab.count(head); r++) {
        float last = slab.score(head, r);
        slab.setScore(head, r, scores.nextSlabScore(head, r, last, passEnd - first));
      }
    }
  }

  private void pack(int pages) {
    if (!transform.isFrozen()) {
      freezeMean();
    }
    int start = hotStart();
    int end = start + pages * PageLayout.TOKENS;
    int heads = tileLayout.numKvHeads();
    masks.addPages(pages);
    for (int head = 0; head < heads; head++) {
      selectLines(head, start, end);
    }
    MemorySegment[] from = new MemorySegment[pages];
    MemorySegment[] to = new MemorySegment[pages];
    long[] lines = new long[pages * heads];
    int firstPage = start / PageLayout.TOKENS;
    for (int i = 0; i < pages; i++) {
      from[i] = hot.segment(i);
      to[i] = packed.add();
      for (int head = 0; head < heads; head++) {
        lines[i * heads + head] = masks.ofHead(head)[firstPage + i];
      }
    }
    packer.pack(pageLayout, to, from, lines);
    hot.removeBefore(pages);
    scores.removeHot(end - start, spec.policy().ringTokens());
  }

  private void freezeMean() {
    int tokens = length - hotStart();
    for (int head = 0; head < tileLayout.numKvHeads(); head++) {
      for (int c = 0; c < tileLayout.headDim(); c++) {
        double sum = 0;
        for (int slot = 0; slot < tokens; slot++) {
          sum += tiles.key(hotTileOf(slot), head, slot % PageLayout.TOKENS, c);
        }
        transform.setMean(head, c, (float) (sum / tokens));
      }
    }
    transform.freeze();
    for (int tile = 0; tile < hot.size(); tile++) {
      subtractMean(
          hot.writable(tile), Math.min(PageLayout.TOKENS, tokens - tile * PageLayout.TOKENS));
    }
  }

  private MemorySegment hotTileOf(int slot) {
    return hot.segment(slot / PageLayout.TOKENS);
  }

  private void subtractMean(MemorySegment tile, int tokens) {
    for (int head = 0; head < tileLayout.numKvHeads(); head++) {
      for (int c = 0; c < tileLayout.headDim(); c++) {
        float mean = transform.mean(head, c);
        for (int slot = 0; slot < tokens; slot++) {
          tiles.setKey(tile, head, slot, c, tiles.key(tile, head, slot, c) - mean);
        }
      }
    }
  }

  /** Chooses a head's lines among the slab and the hot positions {@code start ... end - 1}. */
  private void selectLines(int head, int start, int end) {
    KvLayerPolicy policy = spec.policy();
    int pinned = 0;
    boolean linesStay = policy.format().keys() instanceof GroupEncoding keys && keys.isPerChannel();
    selection.start(0);
    int capacity = policy.slabRows(length);
    for (int r = 0; r < slab.count(head); r++) {
      if (linesStay || slab.position(head, r) < policy.sinks()) {
        pinned++;
      }
    }
    for (int position = start; position < Math.min(end, policy.sinks()); position++) {
      admit(head, position);
      pinned++;
    }
    selection.start(Math.max(0, capacity - pinned));
    for (int r = 0; r < slab.count(head); r++) {
      if (!linesStay && slab.position(head, r) >= policy.sinks()) {
        selection.offerLine(slab.position(head, r), slab.score(head, r));
      }
    }
    for (int position = Math.max(start, policy.sinks()); position < end; position++) {
      selection.offerToken(position, scores.hotScore(head, position - start));
    }
    int[] chosen = selection.chosen();
    if (!linesStay) {
      demoteOthers(head, chosen);
    }
    for (int position : chosen) {
      if (position >= start) {
        admit(head, position);
      }
    }
  }

  private void demoteOthers(int head, int[] chosen) {
    for (int r = slab.count(head) - 1; r >= 0; r--) {
      int position = slab.position(head, r);
      if (position >= spec.policy().sinks() && Arrays.binarySearch(chosen, position) < 0) {
        masks.clear(head, position);
        slab.remove(head, r);
      }
    }
  }

  private void admit(int head, int position) {
    int slot = position - hotStart();
    float score = scores.hotScore(head, slot);
    slab.add(head, position, score, hotTileOf(slot), slot % PageLayout.TOKENS);
    masks.set(head, position);
  }

  /** Gives up pages and lines that no later query can see. */
  private void dropInvisible() {
    int firstVisible = spec.firstVisible(length);
    if (firstVisible == 0) {
      return;
    }
    packed.releaseBefore(Math.min(packed.size(), firstVisible / PageLayout.TOKENS));
    for (int head = 0; head < tileLayout.numKvHeads(); head++) {
      for (int r = slab.count(head) - 1; r >= 0; r--) {
        if (slab.position(head, r) < firstVisible) {
          slab.remove(head, r);
        }
      }
    }
  }

  /** Forgets the rows of a pass that has not ended; before, nothing else of the layer changes. */
  void dropPass() {
    length = passStart;
    hot.releaseFrom(Math.ceilDiv(length - hotStart(), PageLayout.TOKENS));
    scores.clearPass();
    passEnd = passStart;
  }

  /** What the layer is made of. */
  record Parts(Slab slab, BlockList packed, LineMasks masks, BlockList hot, LineScores scores) {}

  /** For a layer that becomes a copy of another device's. */
  Parts parts() {
    return new Parts(slab, packed, masks, hot, scores);
  }

  /** Says how many tokens the parts hold, and which rows a pass under way has. */
  void setPass(int tokens, int start, int end) {
    length = tokens;
    passStart = start;
    passEnd = end;
  }

  @Override
  public LineKvLayer fork() {
    return new LineKvLayer(this);
  }

  @Override
  public void release() {
    slab.release();
    packed.releaseFrom(0);
    hot.releaseFrom(0);
    length = 0;
  }

  @Override
  public long byteSize() {
    return slab.byteSize() + packed.byteSize() + hot.byteSize() + masks.byteSize();
  }

  /**
   * What attention reads at every position of a head, as stored. For the reference and for tests.
   *
   * @param keys {@code [length(), headDim]}, overwritten; positions outside the sliding window are
   *     0
   * @param values the same
   */
  public void readHead(int kvHead, float[] keys, float[] values) {
    new HeadReader(this).read(kvHead, keys, values);
  }
}
