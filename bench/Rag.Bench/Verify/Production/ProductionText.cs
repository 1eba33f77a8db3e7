using System.Text.Json;
using Rag.Evaluation;

namespace Rag.Bench.Verify.Production;

/// <summary>
/// Documents and questions of the checks. Encyclopaedia articles and people's questions on them where the shared data is
/// there (SQuAD 2.0; abstracts of SciFact come in meanwhile), generated text elsewhere.
/// </summary>
internal sealed class ProductionText
{
    private const int GeneratedDocuments = 600;

    private ProductionText(IReadOnlyList<(string Uri, string Text)> documents, IReadOnlyList<string> questions, IReadOnlyList<string> later) =>
        (Documents, Questions, Later) = (documents, questions, later);

    public IReadOnlyList<(string Uri, string Text)> Documents { get; }

    /// <summary>All different.</summary>
    public IReadOnlyList<string> Questions { get; }

    /// <summary>Texts on other matters, for documents that arrive while questions are asked.</summary>
    public IReadOnlyList<string> Later { get; }

    public static async Task<ProductionText> LoadAsync(int documents, int questions, CancellationToken ct)
    {
        var generator = new GeneratedText(4);
        List<(string, string)> texts;
        List<string> later;
        var asked = new List<string>();
        try
        {
            var articles = await BeirCollection.LoadAsync(CheckContext.DataFolder("squad2"), ct);
            // Whole articles, and what was asked of them: of a question on another article any new document is as good as those there.
            var chosen = articles.Corpus.Take(documents).ToList();
            var ids = chosen.Select(d => d.Id).ToHashSet();
            texts = [.. chosen.Select(d => ($"squad/{d.Id}.txt", d.Title + "\n\n" + d.Text))];
            asked.AddRange(articles.Queries.Where(q => articles.Judgments.TryGetValue(q.Id, out var judged) && judged.Keys.Any(ids.Contains)).Select(q => q.Text));
            foreach (string line in await File.ReadAllLinesAsync(Path.Combine(CheckContext.DataFolder("squad2"), "unanswerable.jsonl"), ct))
            {
                using var row = JsonDocument.Parse(line);
                if (ids.Contains(row.RootElement.GetProperty("paragraph").GetString()!)) asked.Add(row.RootElement.GetProperty("text").GetString()!);
            }
            later = [.. (await BeirCollection.LoadAsync(CheckContext.DataFolder("scifact"), ct)).Corpus.Select(d => d.Title + "\n\n" + d.Text)];
        }
        catch (CannotMeasureException)
        {
            texts = [.. Enumerable.Range(0, Math.Min(documents, GeneratedDocuments)).Select(i => ($"generated/{i}.txt", generator.Document(6)))];
            later = [.. Enumerable.Range(0, GeneratedDocuments).Select(_ => generator.Document(3))];
        }
        var distinct = asked.Distinct(StringComparer.OrdinalIgnoreCase).Take(questions).ToList();
        var known = distinct.ToHashSet(StringComparer.OrdinalIgnoreCase);
        var random = new Random(4);
        // What people asked may not be enough: more in the words of the documents.
        while (distinct.Count < questions)
        {
            string more = generator.QuestionOn(texts[random.Next(texts.Count)].Item2);
            if (known.Add(more)) distinct.Add(more);
        }
        // Whoever comes first is asked most; no document should be favoured by that.
        random.Shuffle(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(distinct));
        return new(texts, distinct, later);
    }
}

/// <summary>Numbers from 0 whose frequencies fall as 1/(n+1): Zipf's law with exponent 1.</summary>
internal sealed class Zipf
{
    private readonly double[] _cumulative;

    public Zipf(int count)
    {
        _cumulative = new double[count];
        double sum = 0;
        for (int i = 0; i < count; i++) _cumulative[i] = sum += 1.0 / (i + 1);
    }

    public int Next(Random random)
    {
        int at = Array.BinarySearch(_cumulative, random.NextDouble() * _cumulative[^1]);
        return Math.Min(at < 0 ? ~at : at, _cumulative.Length - 1);
    }
}
