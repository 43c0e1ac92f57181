// A report opens at its first finding, the best-scored of a method's marks: OHIF 3.13.2 opens it at its last.
(() => {
  const wrapped = new WeakSet();

  window.config.extensions.push({
    id: "hilum.first-finding",
    onModeEnter({servicesManager, commandsManager}) {
      if (wrapped.has(commandsManager)) return;
      wrapped.add(commandsManager);
      const run = commandsManager.runCommand;
      commandsManager.runCommand = function (name, place, ...rest) {
        // Whoever chooses a finding in the list comes with options; what opens a report names an image alone.
        const isOpening = name === "updateStoredPositionPresentation" && place?.referencedImageId && !place.options;
        return run.call(this, name, isOpening ? atFirst(servicesManager, place) : place, ...rest);
      };
    },
  });

  function atFirst(servicesManager, place) {
    const found = servicesManager.services.measurementService.getMeasurements();
    const first = found.find((one) => place.displaySetInstanceUIDs.includes(one.displaySetInstanceUID));
    return first?.referencedImageId ? {...place, referencedImageId: first.referencedImageId} : place;
  }
})();
