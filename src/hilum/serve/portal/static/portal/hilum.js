// Copy buttons: the text of the element whose id the button names in data-copy.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copy).textContent.trim();
  const word = button.firstChild;
  const label = word.textContent;
  try {
    await navigator.clipboard.writeText(text);
    word.textContent = "Copied";
  } catch {
    word.textContent = "Select and copy";
  }
  setTimeout(() => { word.textContent = label; }, 2000);
});
