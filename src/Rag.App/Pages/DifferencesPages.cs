using DiffPlex;
using DiffPlex.DiffBuilder;
using DiffPlex.DiffBuilder.Model;
using Microsoft.AspNetCore.Http.HttpResults;
using Rag.Access;
using Rag.Foundation;
using Rag.Ingestion;

namespace Rag.App.Pages;

/// <param name="Kind"><c>same</c>, <c>added</c>, <c>removed</c> or <c>skipped</c>: lines that are alike and not shown.</param>
/// <param name="Pieces">The line in parts, those that are not in the other version marked.</param>
public sealed record DifferenceLine(string Kind, int? Before, int? After, IReadOnlyList<(string Text, bool Changed)> Pieces, int Skipped = 0);

/// <param name="TooLarge">Why nothing is compared; null where it is.</param>
public sealed record DifferencesModel(DocumentView Document, long From, long To, int Added, int Removed, IReadOnlyList<DifferenceLine> Lines, string? TooLarge);

/// <summary>What changed in a document's text from one version to another, by lines and within them by words.</summary>
internal static class DifferencesPages
{
    /// <summary>Lines around a change that are shown with it.</summary>
    private const int Context = 3;

    /// <summary>Comparing takes time with the square of what differs.</summary>
    private const int MaxLines = 4_000, MaxChars = 1_000_000;

    public static string Url(string collection, string id, long from, long to) => $"{Show.DocumentUrl(collection, id)}/differences?from={from}&to={to}";

    public static void MapDifferencesPages(this IEndpointRouteBuilder pages) => pages.MapGet("/documents/{collection}/{id}/differences", ShowAsync).Needs(Role.Reader);

    private static async Task<RazorComponentResult<DifferencesPage>> ShowAsync(
        string collection, string id, HttpContext context, Library library, DocumentRecord documents, CancellationToken ct, string? from = null, string? to = null)
    {
        var owner = await library.GetAsync(collection, ct);
        var document = await library.GetAsync(owner, id, ct);
        var versions = await documents.VersionsAsync(id, ct);
        var view = DocumentView.Of(document, owner) with { Versions = [.. versions.Select(VersionView.Of)] };
        long after = DocumentEndpoints.Number(to, "to") ?? document.Version, before = DocumentEndpoints.Number(from, "from") ?? versions.Select(v => v.Version).Where(v => v < after).DefaultIfEmpty(after).Max();
        string old = await TextAsync(before), now = await TextAsync(after);
        library.Shown("read", owner, document);
        var (lines, added, removed, tooLarge) = await Task.Run(() => Compare(old, now), ct);
        return PageResult.Of<DifferencesPage, DifferencesModel>(context, new(view, before, after, added, removed, lines, tooLarge));

        async Task<string> TextAsync(long version) => await documents.TextAsync(id, version, ct)
            ?? throw new RagException(ErrorKind.NotFound, $"Version {version} of “{document.Title}” is not kept.", $"The current version is {document.Version}.");
    }

    internal static (IReadOnlyList<DifferenceLine> Lines, int Added, int Removed, string? TooLarge) Compare(string old, string now)
    {
        foreach (string text in (string[])[old, now])
            if (text.Length > MaxChars || text.AsSpan().Count('\n') >= MaxLines) return ([], 0, 0, $"Versions of up to {MaxLines:N0} lines and {MaxChars:N0} characters are compared, and one of these has more. Read them as plain text, and compare that.");
        var sides = new SideBySideDiffBuilder(new Differ()).BuildDiffModel(old, now, ignoreWhitespace: false);
        var lines = new List<DifferenceLine>();
        int added = 0, removed = 0;
        var was = new List<DifferenceLine>();
        var became = new List<DifferenceLine>();
        for (int i = 0; i < sides.OldText.Lines.Count; i++)
        {
            var (left, right) = (sides.OldText.Lines[i], sides.NewText.Lines[i]);
            if (left.Type == ChangeType.Unchanged)
            {
                Flush();
                lines.Add(new("same", left.Position, right.Position, [(left.Text, false)]));
                continue;
            }
            if (left.Type != ChangeType.Imaginary) was.Add(new("removed", left.Position, null, Pieces(left)));
            if (right.Type != ChangeType.Imaginary) became.Add(new("added", null, right.Position, Pieces(right)));
        }
        Flush();
        return (Shortened(lines), added, removed, null);

        // What was taken away together stands before what came for it.
        void Flush()
        {
            (added, removed) = (added + became.Count, removed + was.Count);
            lines.AddRange(was);
            lines.AddRange(became);
            was.Clear();
            became.Clear();
        }
    }

    private static IReadOnlyList<(string Text, bool Changed)> Pieces(DiffPiece line)
    {
        if (line.SubPieces.Count == 0) return [(line.Text, false)];
        var pieces = new List<(string Text, bool Changed)>();
        foreach (var piece in line.SubPieces.Where(p => p.Type != ChangeType.Imaginary && p.Text is not null))
        {
            bool changed = piece.Type != ChangeType.Unchanged;
            if (pieces.Count > 0 && pieces[^1].Changed == changed) pieces[^1] = (pieces[^1].Text + piece.Text, changed);
            else pieces.Add((piece.Text, changed));
        }
        return pieces;
    }

    private static List<DifferenceLine> Shortened(List<DifferenceLine> lines)
    {
        var near = new bool[lines.Count];
        for (int i = 0; i < lines.Count; i++)
            if (lines[i].Kind != "same")
                for (int j = Math.Max(0, i - Context); j <= Math.Min(lines.Count - 1, i + Context); j++) near[j] = true;
        var shown = new List<DifferenceLine>();
        for (int i = 0; i < lines.Count; i++)
        {
            if (near[i]) shown.Add(lines[i]);
            else if (shown.Count > 0 && shown[^1].Kind == "skipped") shown[^1] = shown[^1] with { Skipped = shown[^1].Skipped + 1 };
            else shown.Add(new("skipped", null, null, [], 1));
        }
        return shown;
    }
}
