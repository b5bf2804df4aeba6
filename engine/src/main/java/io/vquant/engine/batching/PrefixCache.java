package io.vquant.engine.batching;

import io.vquant.kernels.kvcache.PageLayout;
import io.vquant.kernels.kvcache.SharedPage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Pages of prompts that were computed, as a tree: a node is 64 tokens after those of its parents,
 * with one page a layer. When there are too many bytes, the leaves used least recently go. For one
 * thread.
 */
final class PrefixCache implements AutoCloseable {
  private final long maxByteSize;
  private final Node root = new Node(null, null, List.of());
  private long byteSize;
  private long reservedByteSize;
  private int pages;
  private long clock;

  /** Tokens of a page, compared by value. */
  @SuppressWarnings("ArrayRecordComponent") // equals and hashCode are by content
  private record Tokens(int[] ids) {
    static Tokens of(int[] text, int page) {
      int start = page * PageLayout.TOKENS;
      return new Tokens(Arrays.copyOfRange(text, start, start + PageLayout.TOKENS));
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Tokens tokens && Arrays.equals(ids, tokens.ids);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(ids);
    }
  }

  private static final class Node {
    final @Nullable Node parent;
    final @Nullable Tokens tokens;
    final List<SharedPage> layers;
    final Map<Tokens, Node> children = new HashMap<>();
    long lastUse;

    Node(@Nullable Node parent, @Nullable Tokens tokens, List<SharedPage> layers) {
      this.parent = parent;
      this.tokens = tokens;
      this.layers = layers;
    }

    long byteSize() {
      return layers.stream().mapToLong(SharedPage::byteSize).sum();
    }
  }

  PrefixCache(long maxByteSize) {
    this.maxByteSize = maxByteSize;
  }

  /** Bytes of pages that one more prompt may keep. */
  long capturableByteSize() {
    return Math.max(0, maxByteSize / 2 - reservedByteSize);
  }

  /** Makes room for pages that are being computed; negative: the room is no longer needed. */
  void reserve(long bytes) {
    reservedByteSize += bytes;
    shrinkTo(maxByteSize - reservedByteSize);
  }

  long byteSize() {
    return byteSize;
  }

  int pages() {
    return pages;
  }

  /**
   * The longest known beginning of a text.
   *
   * @param maxPages most pages wanted
   * @return a list of pages, each with one page a layer; they stay there until the next insertion
   *     or eviction
   */
  List<List<SharedPage>> match(int[] text, int maxPages) {
    List<List<SharedPage>> found = new ArrayList<>();
    Node node = root;
    clock++;
    while (found.size() < maxPages) {
      node = node.children.get(Tokens.of(text, found.size()));
      if (node == null) {
        break;
      }
      node.lastUse = clock;
      found.add(node.layers);
    }
    return found;
  }

  /**
   * Takes pages of a text over, from {@code firstPage} on; what is known already, or cannot be
   * reached since pages before it are gone, is released.
   */
  void insert(int[] text, int firstPage, List<List<SharedPage>> newPages) {
    Node node = root;
    clock++;
    for (int page = 0; node != null && page < firstPage; page++) {
      node = node.children.get(Tokens.of(text, page));
    }
    for (int i = 0; i < newPages.size(); i++) {
      List<SharedPage> layers = newPages.get(i);
      Tokens tokens = Tokens.of(text, firstPage + i);
      if (node == null || node.children.containsKey(tokens)) {
        layers.forEach(SharedPage::release);
        node = node == null ? null : node.children.get(tokens);
      } else {
        Node child = new Node(node, tokens, layers);
        node.children.put(tokens, child);
        byteSize += child.byteSize();
        pages++;
        node = child;
      }
      if (node != null) {
        node.lastUse = clock;
      }
    }
    shrinkTo(maxByteSize - reservedByteSize);
  }

  /** Evicts until so many bytes are left at most. */
  private void shrinkTo(long bytes) {
    while (byteSize > Math.max(0, bytes)) {
      Node leaf = oldestLeaf(root);
      Node parent = leaf == null ? null : leaf.parent;
      if (leaf == null || parent == null) {
        return;
      }
      parent.children.remove(leaf.tokens);
      byteSize -= leaf.byteSize();
      pages--;
      leaf.layers.forEach(SharedPage::release);
    }
  }

  /** Depth is bounded by the context in pages, so this walks with a list of its own. */
  private static @Nullable Node oldestLeaf(Node top) {
    Node oldest = null;
    List<Node> open = new ArrayList<>(top.children.values());
    while (!open.isEmpty()) {
      Node node = open.removeLast();
      if (node.children.isEmpty()) {
        oldest = oldest == null || node.lastUse < oldest.lastUse ? node : oldest;
      } else {
        open.addAll(node.children.values());
      }
    }
    return oldest;
  }

  @Override
  public void close() {
    shrinkTo(0);
  }
}
