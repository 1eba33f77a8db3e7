using System.Text;

namespace Rag.Testing.Console;

/// <summary>The console in the manual: a page with the picture of every page of the console, at two widths.</summary>
public static class ConsoleManual
{
    /// <summary>Name and width in CSS pixels.</summary>
    public static IReadOnlyList<(string Name, int Width)> Sizes { get; } = [("desktop", 1280), ("phone", 390)];

    public static string TextFile(string root) => Path.Combine(root, "docs", "console.md");

    public static string PictureFile(string root, ConsolePage page, string size) => Path.Combine(root, "docs", "images", "console", $"{page.Name}-{size}.png");

    /// <summary>The text of the manual's page.</summary>
    public static string Text()
    {
        var text = new StringBuilder("""
            # The console in pictures

            The console is the product's web pages. `./screenshots` fills a server with this manual and a past, and takes these pictures
            of every page, at the width of a desktop and of a phone. What can be done on each page is in the
            [user guide](user-guide.md) and in the [operator guide](operator-guide.md).

            """);
        foreach (var page in ConsolePages.All)
        {
            string title = char.ToUpperInvariant(page.Name[0]) + page.Name[1..].Replace('-', ' ');
            text.Append($"\n## {title}\n\n{page.Purpose}\n\n");
            foreach (var (size, _) in Sizes) text.Append($"![{title} on a {size}](images/console/{page.Name}-{size}.png)\n");
        }
        return text.ToString();
    }

    /// <summary>What the manual lacks of the list's pages, and has beside them.</summary>
    public static IReadOnlyList<string> Differences(string root)
    {
        var expected = ConsolePages.All.SelectMany(p => Sizes.Select(s => PictureFile(root, p, s.Name))).ToHashSet();
        string folder = Path.Combine(root, "docs", "images", "console");
        var there = Directory.Exists(folder) ? Directory.GetFiles(folder) : [];
        return
        [
            .. expected.Except(there).Order(StringComparer.Ordinal).Select(f => $"{Path.GetFileName(f)} is missing"),
            .. there.Except(expected).Order(StringComparer.Ordinal).Select(f => $"{Path.GetFileName(f)} is of no page"),
            .. File.Exists(TextFile(root)) && File.ReadAllText(TextFile(root)) == Text() ? Array.Empty<string>() : ["console.md is not of this list"],
        ];
    }
}
