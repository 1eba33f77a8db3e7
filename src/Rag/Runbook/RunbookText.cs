using Rag.Foundation;

namespace Rag.Runbook;

/// <summary>The runbook inside this executable: the one that belongs to this release.</summary>
internal sealed class RunbookText
{
    private const int NearNames = 5;

    public RunbookText() : this(Read())
    {
    }

    public RunbookText(string markdown)
    {
        Sections = RunbookParser.Parse(markdown);
        Digest = Sha256.Hex(markdown);
    }

    public IReadOnlyList<RunbookSection> Sections { get; }

    /// <summary>SHA-256 of the text, so that evidence says which runbook was walked.</summary>
    public string Digest { get; }

    /// <summary>The section of that slug or title, or the only one that begins with it.</summary>
    /// <exception cref="RagException">NotFound, with names that are near.</exception>
    public RunbookSection Find(string name)
    {
        // What came over HTTP may lack it.
        string wanted = name?.Trim() ?? "";
        if (Sections.FirstOrDefault(s => s.Slug == wanted || s.Title.Equals(wanted, StringComparison.OrdinalIgnoreCase)) is { } exact) return exact;
        string slug = Slo.Export.Dashboards.RunbookLinks.Anchor(wanted);
        if (slug.Length > 0)
        {
            if (Sections.FirstOrDefault(s => s.Slug == slug) is { } same) return same;
            var starts = Sections.Where(s => s.Slug.StartsWith(slug, StringComparison.Ordinal)).ToList();
            if (starts.Count == 1) return starts[0];
            // A whole word goes before the beginning of one: 'memory' is memory-leaks, not MemoryHigh.
            var words = starts.Where(s => s.Slug.StartsWith(slug + "-", StringComparison.Ordinal)).ToList();
            if (words.Count == 1) return words[0];
            if (starts.Count > 1) throw new RagException(ErrorKind.NotFound, $"Several sections begin with '{wanted}'.", $"Choose one of: {Names(starts.Select(s => s.Slug))}.");
        }
        var near = Sections.Select(s => s.Slug).OrderBy(s => Distance(slug, s)).Take(NearNames);
        throw new RagException(ErrorKind.NotFound, $"The runbook has no section '{wanted}'.", $"Near are: {Names(near)}. 'rag runbook' lists all.");
    }

    /// <summary>The sections below a chapter.</summary>
    public IEnumerable<RunbookSection> Below(RunbookSection chapter) => chapter.Level > 2 ? [] : Sections.Where(s => s.Level > 2 && s.Chapter == chapter.Title);

    private static string Names(IEnumerable<string> slugs) => string.Join(", ", slugs.Take(2 * NearNames));

    /// <summary>Names that share words come first, then those whose beginning has the fewest letters to change (Levenshtein).</summary>
    private static int Distance(string wanted, string slug)
    {
        bool shares = wanted.Split('-').Any(w => w.Length > 2 && slug.Contains(w, StringComparison.Ordinal));
        var row = Enumerable.Range(0, slug.Length + 1).ToArray();
        for (int i = 1; i <= wanted.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= slug.Length; j++)
            {
                int cost = Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (wanted[i - 1] == slug[j - 1] ? 0 : 1));
                (diagonal, row[j]) = (row[j], cost);
            }
        }
        return row.Min() - (shares ? 1_000 : 0);
    }

    private static string Read()
    {
        using var stream = typeof(RunbookText).Assembly.GetManifestResourceStream("runbook.md")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
