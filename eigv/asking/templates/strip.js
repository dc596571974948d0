element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-clip]");
  if (!button) return;
  element.querySelectorAll("button").forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
  trigger("click", { clip: Number(button.dataset.clip) });
});
