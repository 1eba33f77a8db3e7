using Microsoft.Playwright;

namespace Rag.Testing.Console;

/// <summary>Debian's Chromium, without a window and without anything that it would do on its own account.</summary>
public static class Chromium
{
    public const string Path = "/usr/bin/chromium";

    private static readonly string[] Arguments =
    [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ];

    /// <summary>What is missing here for it, in words; null where nothing is.</summary>
    public static string? Missing => File.Exists(Path) ? null : $"There is no {Path}: install Debian's package chromium to run what needs a browser.";

    public static Task<IBrowser> StartAsync(IPlaywright playwright) => playwright.Chromium.LaunchAsync(new() { ExecutablePath = Path, Args = Arguments });
}
