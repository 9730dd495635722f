// SPDX-License-Identifier: Apache-2.0
// What two models of one structure took elsewhere: docs/performance.md, "Memory, 2 threads" of the U-Net of 64 to
// 1024 channels, whose files have 138 MB. The page shows these figures beside its own and says where they are from.

export const MEASURED = {
  date: "2026-11-24",
  haya: {first: 95.0e6, further: 0.233e6},
  tensorflow: {first: 1793e6, further: 1066e6},
};
