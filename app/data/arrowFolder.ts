/** @file The folders that `datasets` saves: Arrow files with JSON files beside them that describe the dataset. */

/** Whether a file describes a saved dataset and holds no rows. */
export function isDatasetSidecar(name: string): boolean {
  return /(^|\/)(state|dataset_info|dataset_dict|dataset_infos)\.json$/.test(name);
}
