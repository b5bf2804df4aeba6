package io.vquant.weights;

import java.nio.file.Path;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;

/** The tensors of a checkpoint by their full names. Immutable; safe for any number of threads. */
public final class WeightStore {
  private final Path location;
  private final NavigableMap<String, StoredTensor> tensors;
  private final List<Path> files;
  private final long byteSize;

  /**
   * A store of these tensors.
   *
   * @param location the folder or file that messages about absent tensors name
   * @throws IllegalArgumentException if two tensors have one name
   */
  public WeightStore(Path location, Collection<StoredTensor> tensors) {
    this.location = location;
    NavigableMap<String, StoredTensor> byName = new TreeMap<>();
    for (StoredTensor tensor : tensors) {
      if (byName.put(tensor.name(), tensor) != null) {
        throw new IllegalArgumentException("two tensors named " + tensor.name());
      }
    }
    this.tensors = Collections.unmodifiableNavigableMap(byName);
    SortedSet<Path> distinctFiles = new TreeSet<>();
    long bytes = 0;
    for (StoredTensor tensor : byName.values()) {
      distinctFiles.add(tensor.file());
      bytes += tensor.byteSize();
    }
    this.files = List.copyOf(distinctFiles);
    this.byteSize = bytes;
  }

  /** All names, sorted. */
  public SortedSet<String> names() {
    return tensors.navigableKeySet();
  }

  public boolean contains(String name) {
    return tensors.containsKey(name);
  }

  public Optional<StoredTensor> find(String name) {
    return Optional.ofNullable(tensors.get(name));
  }

  /**
   * A tensor that has to be there.
   *
   * @throws MalformedCheckpointException if the checkpoint has no tensor of this name
   */
  public StoredTensor get(String name) {
    StoredTensor tensor = tensors.get(name);
    if (tensor == null) {
      throw new MalformedCheckpointException(
          location,
          name,
          MalformedCheckpointException.UNKNOWN_OFFSET,
          "a tensor of this name",
          "none among the " + tensors.size() + " that are stored");
    }
    return tensor;
  }

  /** All tensors, sorted by name. */
  public Collection<StoredTensor> tensors() {
    return tensors.values();
  }

  /** Bytes of all tensors together, without headers. */
  public long byteSize() {
    return byteSize;
  }

  /** The files that hold at least one tensor, sorted. */
  public List<Path> files() {
    return files;
  }
}
