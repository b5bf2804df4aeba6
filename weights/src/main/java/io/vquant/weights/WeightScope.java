package io.vquant.weights;

import java.util.Collections;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A cursor at one prefix of the tensor names, so that a layer asks for {@code
 * self_attn.q_proj.weight} and need not know that it is layer 3 of a model. Scopes that come from
 * one root share the record of what was read; what is left at the end shows a checkpoint that holds
 * more than the architecture uses. Safe for any number of threads.
 */
public final class WeightScope {
  private final WeightStore store;
  private final String prefix;
  private final Set<String> read;

  private WeightScope(WeightStore store, String prefix, Set<String> read) {
    this.store = store;
    this.prefix = prefix;
    this.read = read;
  }

  /** The root: no prefix, nothing read yet. */
  public static WeightScope of(WeightStore store) {
    return new WeightScope(store, "", ConcurrentHashMap.newKeySet());
  }

  /**
   * The scope of the names that go on with {@code name} and a dot.
   *
   * @param name one component, or several joined by dots
   */
  public WeightScope child(String name) {
    return new WeightScope(store, prefix + name + ".", read);
  }

  /** The scope of one layer of a list. */
  public WeightScope child(int index) {
    return child(Integer.toString(index));
  }

  /** What stands before the names given to this scope: empty, or text that ends with a dot. */
  public String prefix() {
    return prefix;
  }

  /**
   * Reads a tensor.
   *
   * @throws MalformedCheckpointException if the checkpoint has no tensor of this name
   */
  public StoredTensor get(String name) {
    StoredTensor tensor = store.get(prefix + name);
    read.add(tensor.name());
    return tensor;
  }

  /** Reads a tensor that may be absent. */
  public Optional<StoredTensor> find(String name) {
    Optional<StoredTensor> tensor = store.find(prefix + name);
    tensor.ifPresent(present -> read.add(present.name()));
    return tensor;
  }

  /** Whether the tensor exists; asking does not count as reading. */
  public boolean contains(String name) {
    return store.contains(prefix + name);
  }

  /** Full names of the tensors under this prefix that no scope of this root has read, sorted. */
  public SortedSet<String> unread() {
    SortedSet<String> names = new TreeSet<>();
    for (String name : store.names().tailSet(prefix)) {
      if (!name.startsWith(prefix)) {
        break;
      }
      if (!read.contains(name)) {
        names.add(name);
      }
    }
    return Collections.unmodifiableSortedSet(names);
  }
}
