namespace Rag.Testing.Console;

/// <summary>What stands in the collection <c>default</c> of a console, and what it is asked.</summary>
/// <param name="Question">One that the documents answer from more than one place.</param>
/// <param name="Foreign">One that they do not answer.</param>
/// <param name="Shown">Address of the document whose page is looked at.</param>
/// <param name="Attack">What an attacker writes behind the words that give the attack away.</param>
public sealed record ConsoleContent(IReadOnlyList<(string Uri, string Text)> Documents, string Question, string Foreign, string Shown, string Attack)
{
    /// <summary>A few small documents of every kind, and an attack that is longer than an excerpt gets, without a blank to break it at.</summary>
    public static ConsoleContent Sample { get; } = new(SampleDocuments.All, SampleDocuments.RestoreQuestion, SampleDocuments.ForeignQuestion, "handbook/backups.md", new('x', 200));

    /// <summary>The product's own manual, as <c>rag demo</c> has it.</summary>
    public static async Task<ConsoleContent> ManualAsync(CancellationToken ct)
    {
        string root = LocalCluster.Root();
        var documents = new List<(string, string)>();
        foreach (string file in Directory.EnumerateFiles(Path.Combine(root, "docs"), "*.md", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            documents.Add((Path.GetRelativePath(root, file), await File.ReadAllTextAsync(file, ct)));
        return new(documents, SampleDocuments.RestoreQuestion, SampleDocuments.ForeignQuestion, "docs/answers.md", "that was ever set on this machine");
    }
}
