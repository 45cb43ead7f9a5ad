// Every protocol of the corpus.
import type { Protocol } from "./protocol.ts";
import { ascendingCopy } from "./protocols/ascending_copy.ts";
import { batchAppend } from "./protocols/batch_append.ts";
import { bitmapAllocator } from "./protocols/bitmap_allocator.ts";
import { chainedLog } from "./protocols/chained_log.ts";
import { checkpointDelta } from "./protocols/checkpoint_delta.ts";
import { checksummedPair } from "./protocols/checksummed_pair.ts";
import { checksumCommit } from "./protocols/checksum_commit.ts";
import { commitSlots } from "./protocols/commit_slots.ts";
import { commitThenWrite } from "./protocols/commit_then_write.ts";
import { counter } from "./protocols/counter.ts";
import { crcLog } from "./protocols/crc_log.ts";
import { deferredSettle } from "./protocols/deferred_settle.ts";
import { doubleBuffer } from "./protocols/double_buffer.ts";
import { epochLog } from "./protocols/epoch_log.ts";
import { fifoQueue } from "./protocols/fifo_queue.ts";
import { flushWaits } from "./protocols/flush_waits.ts";
import { freeList } from "./protocols/free_list.ts";
import { hashTable } from "./protocols/hash_table.ts";
import { leafSplit } from "./protocols/leaf_split.ts";
import { linkedList } from "./protocols/linked_list.ts";
import { mirroredHeader } from "./protocols/mirrored_header.ts";
import { programOrder } from "./protocols/program_order.ts";
import { recordRing } from "./protocols/record_ring.ts";
import { redoLog } from "./protocols/redo_log.ts";
import { ringBuffer } from "./protocols/ring_buffer.ts";
import { rollbackWord } from "./protocols/rollback_word.ts";
import { sameLine } from "./protocols/same_line.ts";
import { sectorOrder } from "./protocols/sector_order.ts";
import { shadowCopy } from "./protocols/shadow_copy.ts";
import { sortedArray } from "./protocols/sorted_array.ts";
import { stringInterning } from "./protocols/string_interning.ts";
import { syncedSnapshot } from "./protocols/synced_snapshot.ts";
import { togglePair } from "./protocols/toggle_pair.ts";
import { twoAreas } from "./protocols/two_areas.ts";
import { twoSlotRedo } from "./protocols/two_slot_redo.ts";
import { undoLog } from "./protocols/undo_log.ts";
import { versionedRecord } from "./protocols/versioned_record.ts";

/** All of them; each is right as it stands under the models that it names. */
export const protocols: readonly Protocol[] = [
  ascendingCopy,
  batchAppend,
  bitmapAllocator,
  chainedLog,
  checkpointDelta,
  checksumCommit,
  checksummedPair,
  commitSlots,
  commitThenWrite,
  counter,
  crcLog,
  deferredSettle,
  doubleBuffer,
  epochLog,
  fifoQueue,
  flushWaits,
  freeList,
  hashTable,
  leafSplit,
  linkedList,
  mirroredHeader,
  programOrder,
  recordRing,
  redoLog,
  ringBuffer,
  rollbackWord,
  sameLine,
  sectorOrder,
  shadowCopy,
  sortedArray,
  stringInterning,
  syncedSnapshot,
  togglePair,
  twoAreas,
  twoSlotRedo,
  undoLog,
  versionedRecord,
];
