using Lucene.Net.Analysis;
using Lucene.Net.Analysis.Ar;
using Lucene.Net.Analysis.Cjk;
using Lucene.Net.Analysis.Cz;
using Lucene.Net.Analysis.Da;
using Lucene.Net.Analysis.De;
using Lucene.Net.Analysis.El;
using Lucene.Net.Analysis.En;
using Lucene.Net.Analysis.Es;
using Lucene.Net.Analysis.Fi;
using Lucene.Net.Analysis.Fr;
using Lucene.Net.Analysis.Hi;
using Lucene.Net.Analysis.Hu;
using Lucene.Net.Analysis.It;
using Lucene.Net.Analysis.Nl;
using Lucene.Net.Analysis.No;
using Lucene.Net.Analysis.Pt;
using Lucene.Net.Analysis.Ro;
using Lucene.Net.Analysis.Ru;
using Lucene.Net.Analysis.Standard;
using Lucene.Net.Analysis.Sv;
using Lucene.Net.Analysis.TokenAttributes;
using Lucene.Net.Analysis.Tr;
using Lucene.Net.Analysis.Util;
using Lucene.Net.Util;

namespace Rag.Indexing;

/// <summary>Lucene's own analysis for each language of <see cref="Ingestion.Languages"/>.</summary>
internal static class Analyzers
{
    public const LuceneVersion Version = LuceneVersion.LUCENE_48;

    public static Analyzer For(string language) => language switch
    {
        "arabic" => new ArabicAnalyzer(Version),
        "cjk" => new CJKAnalyzer(Version),
        "czech" => new CzechAnalyzer(Version),
        "danish" => new DanishAnalyzer(Version),
        "dutch" => new DutchAnalyzer(Version),
        "finnish" => new FinnishAnalyzer(Version),
        "french" => new FrenchAnalyzer(Version),
        "german" => new GermanAnalyzer(Version),
        "greek" => new GreekAnalyzer(Version),
        "hindi" => new HindiAnalyzer(Version),
        "hungarian" => new HungarianAnalyzer(Version),
        "italian" => new ItalianAnalyzer(Version),
        "norwegian" => new NorwegianAnalyzer(Version),
        "portuguese" => new PortugueseAnalyzer(Version),
        "romanian" => new RomanianAnalyzer(Version),
        "russian" => new RussianAnalyzer(Version),
        "spanish" => new SpanishAnalyzer(Version),
        "swedish" => new SwedishAnalyzer(Version),
        "turkish" => new TurkishAnalyzer(Version),
        "none" => new StandardAnalyzer(Version, CharArraySet.Empty),
        _ => new EnglishAnalyzer(Version),
    };

    /// <summary>The index terms of a text, in order, repeats included; at most <paramref name="limit"/>.</summary>
    public static List<string> Terms(Analyzer analyzer, string text, int limit = int.MaxValue)
    {
        var terms = new List<string>();
        using var stream = analyzer.GetTokenStream("text", text);
        var term = stream.GetAttribute<ICharTermAttribute>();
        stream.Reset();
        while (terms.Count < limit && stream.IncrementToken()) terms.Add(term.ToString());
        stream.End();
        return terms;
    }
}
