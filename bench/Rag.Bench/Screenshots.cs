using Microsoft.Playwright;
using Rag.Bench.Verify;
using Rag.Bench.Verify.Console;
using Rag.Testing;
using Rag.Testing.Console;

namespace Rag.Bench;

/// <summary>
/// <c>screenshots [NAME…]</c>: fills the real <c>rag serve</c> with the product's own manual and a past, and takes the pictures of the
/// console's pages that the manual shows.
/// </summary>
internal static class Screenshots
{
    private const int MaxHeight = 2_400;

    /// <summary>When the past of the pictures began: times are shifted to it, so that they are the same in each run.</summary>
    private static readonly DateTimeOffset Begin = new(2026, 3, 2, 9, 0, 0, TimeSpan.Zero);

    private const string Shift = """
        ([by, folder]) => {
          const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          for (let node; node = walker.nextNode();)
            node.data = node.data.replaceAll(folder, "/var/lib/rag").replace(/\d{4}-\d\d-\d\d \d\d:\d\d(?= UTC)/g, at => new Date(Date.parse(at.replace(" ", "T") + "Z") + by).toISOString().slice(0, 16).replace("T", " "));
        }
        """;

    public static async Task<int> RunAsync(IReadOnlyList<string> names, CancellationToken ct)
    {
        if (names.FirstOrDefault(n => ConsolePages.All.All(p => p.Name != n)) is { } unknown)
        {
            await System.Console.Error.WriteLineAsync($"error: the console has no page {unknown}. Usage: ./screenshots [{string.Join("] [", ConsolePages.All)}]");
            return 2;
        }
        string root = LocalCluster.Root();
        try
        {
            await using var world = await ConsoleWorld.StartAsync();
            System.Console.WriteLine("Filling a server with the manual…");
            var began = TimeProvider.System.GetUtcNow();
            await using var site = await ConsoleSite.StartAsync(ConsoleEngines.Sqlite, await ConsoleContent.ManualAsync(ct), ct);
            // All of the past before the first picture: the overview shows it, too.
            foreach (var page in ConsolePages.All) await site.UrlAsync(page);
            foreach (var (size, width) in ConsoleManual.Sizes)
            {
                // One browser for all: its history shows what was asked before in it.
                await using var visit = await world.VisitAsync(width);
                foreach (var page in ConsolePages.All.Where(p => names.Count == 0 || names.Contains(p.Name)))
                {
                    ct.ThrowIfCancellationRequested();
                    string file = ConsoleManual.PictureFile(root, page, size);
                    Directory.CreateDirectory(Path.GetDirectoryName(file)!);
                    await TakeAsync(visit.Page, site, page, width, began, file);
                    System.Console.WriteLine($"{Path.GetRelativePath(root, file)}  {new FileInfo(file).Length / 1000} kB");
                }
            }
        }
        catch (CannotMeasureException e)
        {
            await System.Console.Error.WriteLineAsync($"error: {e.Message}");
            return 1;
        }
        await File.WriteAllTextAsync(ConsoleManual.TextFile(root), ConsoleManual.Text(), ct);
        return 0;
    }

    private static async Task TakeAsync(IPage at, ConsoleSite site, ConsolePage page, int width, DateTimeOffset began, string file)
    {
        await at.SetViewportSizeAsync(width, 800);
        await at.GotoAsync(await site.UrlAsync(page));
        await page.OpenAsync(at);
        await at.EvaluateAsync(Shift, new object[] { (Begin - new DateTimeOffset(began.Ticks - began.Ticks % TimeSpan.TicksPerMinute, TimeSpan.Zero)).TotalMilliseconds, site.DataDirectory });
        int height = Math.Min(MaxHeight, await at.EvaluateAsync<int>("document.documentElement.scrollHeight"));
        await at.SetViewportSizeAsync(width, height);
        await at.EvaluateAsync("scrollTo(0, 0); document.activeElement?.blur()");
        await File.WriteAllBytesAsync(file, IndexedPng.Of(await at.ScreenshotAsync(new() { Animations = ScreenshotAnimations.Disabled })));
    }
}
