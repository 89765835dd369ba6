// Before the first paint: the theme that was chosen on this machine, so that nothing flashes.
try {
  const theme = localStorage.getItem("rayscope.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // no storage: the system's theme
}
