using Microsoft.Playwright;
using Rag.Testing.Console;

namespace Rag.Bench.Verify.Console;

internal static class ConsoleEngines
{
    public const string Sqlite = "SQLite", PostgreSql = "PostgreSQL";

    public static IReadOnlyList<string> All { get; } = [Sqlite, PostgreSql];
}

/// <summary>A browser, and the console on each engine: what the checks of one run share.</summary>
internal sealed class ConsoleWorld : IAsyncDisposable
{
    private const float TimeoutMs = 20_000;

    private readonly Dictionary<string, Task<ConsoleSite>> _sites = [];
    private readonly IPlaywright _playwright;

    private ConsoleWorld(IPlaywright playwright, IBrowser browser) => (_playwright, Browser) = (playwright, browser);

    public IBrowser Browser { get; }

    public static async Task<ConsoleWorld> StartAsync()
    {
        if (Chromium.Missing is { } missing) throw new CannotMeasureException(missing);
        var playwright = await Playwright.CreateAsync();
        try
        {
            return new(playwright, await Chromium.StartAsync(playwright));
        }
        catch
        {
            playwright.Dispose();
            throw;
        }
    }

    /// <summary>The console on an engine, started and filled by the first who asks.</summary>
    public Task<ConsoleSite> SiteAsync(string engine, CancellationToken ct)
    {
        if (!_sites.TryGetValue(engine, out var site)) _sites[engine] = site = ConsoleSite.StartAsync(engine, ConsoleContent.Sample, ct);
        return site;
    }

    /// <summary>A page in a context of its own, in UTC unless configured, so that times stand as the server wrote them.</summary>
    public async Task<Visit> VisitAsync(int width = 1280, Action<BrowserNewContextOptions>? configure = null)
    {
        var options = new BrowserNewContextOptions { ViewportSize = new() { Width = width, Height = 800 }, TimezoneId = "UTC", Locale = "en-GB" };
        configure?.Invoke(options);
        var context = await Browser.NewContextAsync(options);
        context.SetDefaultTimeout(TimeoutMs);
        return new(context, await context.NewPageAsync());
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var site in _sites.Values)
            if (site.IsCompletedSuccessfully) await (await site).DisposeAsync();
        await Browser.DisposeAsync();
        _playwright.Dispose();
    }
}
