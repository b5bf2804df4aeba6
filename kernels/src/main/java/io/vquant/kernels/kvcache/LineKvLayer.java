package io.vquant.kernels.kvcache;

import io.vquant.kernels.quant.Float16;
import io.vquant.kernels.quant.HadamardTransform;
import io.vquant.kernels.tensor.DType;
import io.vquant.kernels.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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
 * tile is undefined. Until the first page is packed the hot tiles hold everything as a plain BF16
 * layer does. From then on all is stored transformed ({@link KeyTransform}): attention transforms
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
  private final KeyTransform transform;
  private final Slab slab;
  private final BlockList packed;
  private final LineMasks masks;
  private final HotTiles hot;
  private final LineScores scores;
  private final LineAdmission admission;
  private final PlainPages unpacked = new Unpacked();
  private final float[] row;

  /** Magnitudes up to this one leave every norm below {@link #MAX_MAGNITUDE}; as raw bits. */
  private final int harmlessBits;

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
    transform = new KeyTransform(spec.policy(), heads, headDim);
    slab = new Slab(tileLayout, memory);
    packed = new BlockList(memory, pageLayout.byteSize());
    masks = new LineMasks(heads);
    hot = new HotTiles(tileLayout, memory);
    scores = new LineScores(heads);
    admission = new LineAdmission(spec.policy(), slab, masks, scores, hot);
    row = new float[headDim];
    harmlessBits = Float.floatToRawIntBits(MAX_MAGNITUDE / headDim);
  }

  private LineKvLayer(LineKvLayer other) {
    spec = other.spec;
    packer = other.packer;
    maxTokens = other.maxTokens;
    pageLayout = other.pageLayout;
    tileLayout = other.tileLayout;
    transform = other.transform.copy();
    slab = other.slab.share();
    packed = other.packed.share();
    masks = other.masks.copy();
    hot = other.hot.share();
    scores = other.scores.copy();
    admission = new LineAdmission(spec.policy(), slab, masks, scores, hot);
    row = new float[tileLayout.headDim()];
    harmlessBits = other.harmlessBits;
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

  /**
   * All tokens, as a layer that never packs would hold them; null once something has been packed.
   */
  public @Nullable PlainPages unpackedPages() {
    return packedPages() == 0 ? unpacked : null;
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
    return hot.tile(index);
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

  /**
   * Position of the first row of this pass that is observed: the last {@link
   * LineScores#OBSERVED_ROWS}, but none of the first window, whose tokens all wait for a page of
   * rows behind it.
   */
  public int observedFrom() {
    int first = Math.max(passEnd - LineScores.OBSERVED_ROWS, spec.policy().window());
    return Math.min(passEnd, Math.max(passStart, first));
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
      for (int head = 0; head < tileLayout.numKvHeads(); head++) {
        load(keys, r, head);
        requireStorable("key", head);
        if (transform.isActive()) {
          transform.applyToKey(row, head);
        }
        hot.writeKey(slot, head, row);
        load(values, r, head);
        requireStorable("value", head);
        if (transform.isActive()) {
          transform.applyToValue(row);
        }
        hot.writeValue(slot, head, row);
      }
      length++;
    }
  }

  private void load(Tensor from, int r, int kvHead) {
    MemorySegment segment = from.segment();
    long at = from.rowByteOffset(r) + (long) Float.BYTES * kvHead * row.length;
    MemorySegment.copy(segment, F32, at, row, 0, row.length);
  }

  /**
   * Codes must hold a row whatever the transform makes of it: no channel exceeds its norm, which is
   * at most the largest magnitude times the root of their number.
   */
  private void requireStorable(String what, int kvHead) {
    int largest = 0;
    for (float value : row) {
      // The bits of magnitudes are in their order, with infinity and NaN above all numbers.
      largest = Math.max(largest, Float.floatToRawIntBits(value) & Integer.MAX_VALUE);
    }
    if (largest > harmlessBits) {
      requireStorableExactly(what, kvHead);
    }
  }

  private void requireStorableExactly(String what, int kvHead) {
    double squares = 0;
    for (int c = 0; c < row.length; c++) {
      if (!(Math.abs(row[c]) <= MAX_MAGNITUDE)) {
        throw unstorable(
            "%s of position %d, KV head %d, channel %d is %s", what, kvHead, c, row[c]);
      }
      squares += (double) row[c] * row[c];
    }
    double norm = Math.sqrt(squares);
    if (norm > MAX_MAGNITUDE && spec.policy().hadamard()) {
      throw unstorable(
          "%s of position %d, KV head %d, %d channels, has norm %s",
          what, kvHead, row.length, norm);
    }
  }

  private UnstorableValueException unstorable(
      String found, String what, int kvHead, int channel, double value) {
    return new UnstorableValueException(
        found.formatted(what, length, kvHead, channel, value)
            + ": KV format %s holds magnitudes up to %.0f; --kv f32 and bf16 hold any"
                .formatted(spec.policy().format(), MAX_MAGNITUDE));
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
    if (!transform.isActive()) {
      transform.activate();
      packer.transform(tileLayout, hot.writable(), length - hotStart(), transform);
    }
    int start = hotStart();
    int end = start + pages * PageLayout.TOKENS;
    int heads = tileLayout.numKvHeads();
    masks.addPages(pages);
    for (int head = 0; head < heads; head++) {
      admission.choose(head, start, end, length);
    }
    MemorySegment[] from = new MemorySegment[pages];
    MemorySegment[] to = new MemorySegment[pages];
    long[] lines = new long[pages * heads];
    int firstPage = start / PageLayout.TOKENS;
    for (int i = 0; i < pages; i++) {
      from[i] = hot.tile(i);
      to[i] = packed.add();
      for (int head = 0; head < heads; head++) {
        lines[i * heads + head] = masks.ofHead(head)[firstPage + i];
      }
    }
    packer.pack(pageLayout, to, from, lines);
    hot.removeBefore(pages);
    scores.removeHot(end - start, spec.policy().ringTokens());
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
    hot.keepTokens(length - hotStart());
    scores.clearPass();
    passEnd = passStart;
  }

  /** What the layer is made of. */
  record Parts(
      KeyTransform transform,
      Slab slab,
      BlockList packed,
      LineMasks masks,
      HotTiles hot,
      LineScores scores) {}

  /** For a layer that becomes a copy of another device's. */
  Parts parts() {
    return new Parts(transform, slab, packed, masks, hot, scores);
  }

  /** Says how many tokens the parts hold, and which rows a pass under way has. */
  void setPass(int tokens, int start, int end) {
    length = tokens;
    passStart = start;
    passEnd = end;
  }

  /** The view of the hot tiles while they are all there is. */
  private final class Unpacked implements PlainPages {
    @Override
    public PageLayout layout() {
      return tileLayout;
    }

    @Override
    public MemorySegment page(int index) {
      return hot.tile(index);
    }

    @Override
    public int length() {
      return length;
    }
  }

  @Override
  public void transfer(KvTransfer transfer) {
    length = transfer.number("tokens", length, 0, maxTokens);
    passStart = length;
    passEnd = length;
    transform.transfer(transfer);
    int pages = length / PageLayout.TOKENS;
    packed.transfer(transfer, 0, pages);
    if (packed.size() > 0 && !transform.isActive()) {
      throw new IllegalArgumentException("packed pages of what was not transformed");
    }
    masks.transfer(transfer, packed.size());
    slab.transfer(transfer, masks, hotStart());
    hot.transfer(transfer, length - hotStart());
    scores.transfer(transfer, length - hotStart(), maxTokens);
  }

  @Override
  public SharedPage sharePage(int index) {
    return hot.sharePage(index);
  }

  @Override
  public void adopt(SharedPage page) {
    hot.adopt(page);
    length += PageLayout.TOKENS;
    passStart = length;
    passEnd = length;
  }

  @Override
  public LineKvLayer fork() {
    return new LineKvLayer(this);
  }

  @Override
  public void release() {
    slab.release();
    packed.releaseFrom(0);
    hot.keepTokens(0);
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
