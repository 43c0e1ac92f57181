// Slides of grey levels: OHIF 3.13.2 makes a layer of each of their channels and shows none; here all are shown.
(() => {
  const ALONE = [255, 255, 255];
  const BESIDE_OTHERS = [[0, 0, 255], [0, 255, 0], [255, 0, 0], [0, 255, 255], [255, 0, 255], [255, 255, 0]];
  const SAMPLED_TILES = 16;
  const TYPES = {8: Uint8Array, 16: Uint16Array};

  async function tileRange(image, number) {
    const place = `studies/${image.StudyInstanceUID}/series/${image.SeriesInstanceUID}/instances/${image.SOPInstanceUID}`;
    const answer = await fetch(`/dicom-web/${place}/frames/${number}`, {headers: {Accept: "application/octet-stream"}});
    if (!answer.ok) throw new Error(`a tile was not given: ${answer.status}`);
    const values = new TYPES[image.BitsAllocated](await answer.arrayBuffer());
    return values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
  }

  // Stored values seldom fill their bits, and slides of grey levels name no window: the smallest image tells the range.
  async function storedRange(images) {
    const smallest = images.reduce((one, other) =>
      other.TotalPixelMatrixColumns < one.TotalPixelMatrixColumns ? other : one);
    const total = smallest.NumberOfFrames || 1;
    const count = Math.min(SAMPLED_TILES, total);
    const spread = Array.from({length: count}, (_, index) => 1 + Math.floor(index * total / count));
    const ranges = await Promise.all(spread.map((number) => tileRange(smallest, number)));
    const low = Math.min(...ranges.map((range) => range[0]));
    return [low, Math.max(low + 1, ...ranges.map((range) => range[1]))];
  }

  async function showChannel(viewer, channel, color) {
    const style = channel.paletteColorLookupTableUID ? {} : {color};
    try {
      style.limitValues = await storedRange(viewer.getOpticalPathMetadata(channel.identifier));
    } catch (error) {
      console.warn("the range of a channel is not known:", error.message);
    }
    viewer.showOpticalPath(channel.identifier, style);
  }

  function showChannels(viewer) {
    const channels = viewer.getAllOpticalPaths().filter((channel) => channel.isMonochromatic);
    channels.forEach((channel, index) => {
      const color = channels.length === 1 ? ALONE : BESIDE_OTHERS[index % BESIDE_OTHERS.length];
      showChannel(viewer, channel, color);
    });
  }

  const wrapped = new WeakSet();

  window.config.extensions.push({
    id: "hilum.slide-channels",
    // Only the microscope's mode brings this service.
    onModeEnter({servicesManager}) {
      const service = servicesManager.services.microscopyService;
      if (!service || wrapped.has(service)) return;
      wrapped.add(service);
      const addViewer = service.addViewer;
      service.addViewer = function (viewer, ...place) {
        const managed = addViewer.call(this, viewer, ...place);
        showChannels(viewer);
        return managed;
      };
    },
  });
})();
