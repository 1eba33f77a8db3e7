using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Rag.Ingestion;
using Rag.Ingestion.Parsing;

namespace Rag.Testing.Claims;

/// <summary>True sentences out of SQuAD 2.0 and manuals, in two halves by document: one to develop with, one held out.</summary>
public sealed partial class ClaimSource
{
    private const int Neighbours = 2, MinWords = 6, MaxChars = 400;

    public IReadOnlyList<SourceSentence> Sentences { get; }

    public IReadOnlyList<AnsweredQuestion> Questions { get; }

    private ClaimSource(IReadOnlyList<SourceSentence> sentences, IReadOnlyList<AnsweredQuestion> questions) => (Sentences, Questions) = (sentences, questions);

    /// <param name="squad">The folder of SQuAD.</param>
    /// <param name="docs">The folder of manuals.</param>
    public static async Task<ClaimSource> LoadAsync(string squad, string docs, bool heldOut, CancellationToken ct)
    {
        var sentences = new List<SourceSentence>();
        var questions = new List<AnsweredQuestion>();
        using (var json = JsonDocument.Parse(await File.ReadAllBytesAsync(Path.Combine(squad, "dev-v2.0.json"), ct)))
        {
            foreach (var article in json.RootElement.GetProperty("data").EnumerateArray())
            {
                string title = article.GetProperty("title").GetString()!;
                if (IsHeldOut(title) != heldOut) continue;
                foreach (var paragraph in article.GetProperty("paragraphs").EnumerateArray()) ReadParagraph(paragraph, title, sentences, questions);
            }
        }
        foreach (string file in Directory.EnumerateFiles(docs, "*.md", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            string name = Path.GetRelativePath(docs, file);
            if (IsHeldOut(name) != heldOut) continue;
            ParsedDocument parsed;
            try
            {
                parsed = FormatParser.Parse(Path.GetFileName(file), await File.ReadAllBytesAsync(file, ct), 10_000_000);
            }
            catch (ParseException)
            {
                // Pages that hold nothing but their front matter.
                continue;
            }
            foreach (var block in parsed.Blocks.Where(b => b.Kind == BlockKind.Paragraph)) Add(parsed.Text, block.Start, block.End, "docs", name, sentences);
        }
        return new(sentences, questions);
    }

    /// <summary>By the sum of its characters, so that the halves are the same everywhere.</summary>
    public static bool IsHeldOut(string document) => document.Sum(c => (int)c) % 2 == 1;

    private static void ReadParagraph(JsonElement paragraph, string title, List<SourceSentence> sentences, List<AnsweredQuestion> questions)
    {
        string context = paragraph.GetProperty("context").GetString()!;
        var spans = SentenceSplitter.Split(context, 0, context.Length).ToList();
        var made = Add(context, 0, context.Length, "squad2", title, sentences);
        foreach (var question in paragraph.GetProperty("qas").EnumerateArray())
        {
            if (question.GetProperty("is_impossible").GetBoolean()) continue;
            var answer = question.GetProperty("answers")[0];
            int at = answer.GetProperty("answer_start").GetInt32(), index = spans.FindIndex(s => s.Start <= at && at < s.End);
            if (index >= 0) questions.Add(new(question.GetProperty("question").GetString()!, answer.GetProperty("text").GetString()!, made[index]));
        }
    }

    private static List<SourceSentence> Add(string text, int start, int end, string source, string document, List<SourceSentence> sentences)
    {
        var texts = SentenceSplitter.Split(text, start, end).Select(s => Blanks().Replace(text[s.Start..s.End], " ")).ToList();
        var made = new List<SourceSentence>();
        for (int i = 0; i < texts.Count; i++)
        {
            var sentence = new SourceSentence(texts[i], texts[Math.Max(0, i - Neighbours)..i], texts[(i + 1)..Math.Min(texts.Count, i + 1 + Neighbours)], source, document);
            made.Add(sentence);
            if (texts[i].Length <= MaxChars && texts[i].EndsWith('.') && char.IsUpper(texts[i][0]) && texts[i].Split(' ').Length >= MinWords) sentences.Add(sentence);
        }
        return made;
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
