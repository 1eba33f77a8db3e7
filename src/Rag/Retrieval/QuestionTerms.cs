using System.Collections.Frozen;
using Lucene.Net.Analysis;
using Rag.Indexing;

namespace Rag.Retrieval;

/// <summary>A question's word for the full-text index, and what it is worth: its inverse document frequency as BM25 has it.</summary>
internal readonly record struct QueryTerm(string Text, int DocumentFrequency, float Idf);

/// <summary>The words of a question that count, and their worth; the same for every engine.</summary>
internal static class QuestionTerms
{
    /// <summary>Words of a question beyond this many are left out.</summary>
    public const int MaxTerms = 128;

    /// <summary>
    /// English words that make a sentence a question and say nothing about its subject; the analyser's own stop words
    /// are gone already. In their stems, as the index has words.
    /// </summary>
    private static readonly FrozenSet<string> QuestionWords = FrozenSet.Create(StringComparer.Ordinal,
        "what", "which", "who", "whom", "whose", "when", "where", "why", "how", "do", "doe", "did", "done", "can", "could", "should", "would",
        "shall", "mai", "might", "must", "am", "were", "been", "ha", "have", "had", "i", "me", "my", "we", "our", "us", "you", "your", "pleas", "tell");

    /// <summary>The distinct terms, in the order of the question.</summary>
    public static List<string> Of(Analyzer analyzer, string question)
    {
        var all = Analyzers.Terms(analyzer, question, MaxTerms * 4).Distinct().ToList();
        var telling = all.Where(t => !QuestionWords.Contains(t)).ToList();
        return (telling.Count > 0 ? telling : all).Take(MaxTerms).ToList();
    }

    public static QueryTerm Weigh(string text, int documentFrequency, long chunks) => new(text, documentFrequency, Idf(documentFrequency, chunks));

    /// <summary>The most that any text could score: every term, as often as it likes.</summary>
    public static float Bound(IReadOnlyList<QueryTerm> terms) => terms.Sum(t => t.Idf) * (IndexFields.K1 + 1);

    /// <summary>BM25's inverse document frequency (Robertson and Zaragoza 2009, with Lucene's 1 + inside the logarithm).</summary>
    private static float Idf(long documentFrequency, long documents) =>
        (float)Math.Log(1 + (documents - documentFrequency + 0.5) / (documentFrequency + 0.5));
}
