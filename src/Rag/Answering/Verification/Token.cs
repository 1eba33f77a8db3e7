namespace Rag.Answering.Verification;

internal enum TokenKind : byte
{
    /// <summary>An article, a pronoun, an auxiliary: says nothing by itself.</summary>
    Function,
    Word,
    Name,
    /// <summary>An option, a path, a version, a word with digits: equal or not.</summary>
    Identifier,
    Number,
    Date,
    /// <summary>Says how the words beside it are meant: a negation, a bound, a quantifier.</summary>
    Operator,
    Boundary,
}

/// <summary>What turns the truth of a sentence and leaves its words. See <see cref="Operators"/> for what may be added and dropped.</summary>
internal enum Operator : byte
{
    None,
    Not, NotOnly, Except,
    Possible, Can, Should, Must,
    MoreThan, AtLeast, LessThan, AtMost, Almost, About,
    Before, After, Since, Until,
    More, Less,
    All, Most, Many, Some, Few, Often, Only,
}

/// <summary>A number with its sort. Equal in value is equal, however it is written: 1,200 or twelve hundred.</summary>
/// <param name="Other">The value read the other way, where a separator can mean two things (1.234); otherwise <paramref name="Value"/>.</param>
/// <param name="Unit">Its unit's one name, "%" and currencies among them; empty where it has none.</param>
internal readonly record struct Quantity(decimal Value, decimal Other, bool Ordinal, bool Decade, string Unit)
{
    public string Unit { get => field ?? ""; init; } = Unit;

    public bool YearLike => !Ordinal && Unit.Length == 0 && Value is >= 1000 and <= 2199 && decimal.IsInteger(Value);

    public bool SameValue(Quantity other) => Decade == other.Decade && (Value == other.Value || Value == other.Other || Other == other.Value);
}

/// <summary>A date, as much of it as is said.</summary>
internal readonly record struct CalendarDate(int? Year, int? Month, int? Day)
{
    /// <summary>Nothing that both say differs.</summary>
    public bool Agrees(CalendarDate other) =>
        (Year is null || other.Year is null || Year == other.Year) && (Month is null || other.Month is null || Month == other.Month) && (Day is null || other.Day is null || Day == other.Day);

    /// <summary>The other says at least all that this says.</summary>
    public bool IsSaidBy(CalendarDate other) =>
        (Year is null || Year == other.Year) && (Month is null || Month == other.Month) && (Day is null || Day == other.Day);
}

/// <summary>A word or a sign of a text, as far as verification looks at it.</summary>
internal sealed class Token
{
    public required string Text { get; init; }

    /// <summary>In small letters, without accents.</summary>
    public required string Key { get; init; }

    /// <summary>The analyser's term for it; the key where it has none.</summary>
    public string Stem { get; set; } = "";
    public TokenKind Kind { get; set; }
    public Operator Operator { get; set; }
    public Quantity Quantity { get; set; }
    public CalendarDate Date { get; set; }

    /// <summary>The sentence of the text in which it stands, from 0; -1 in a span's context.</summary>
    public int Sentence { get; set; }

    /// <summary>Counts up at each sign or conjunction that ends a clause.</summary>
    public int Clause { get; set; }
    public bool Capital { get; init; }

    /// <summary>First of its sentence, so that its capital says nothing.</summary>
    public bool First { get; set; }

    /// <summary>Where it begins in the text, in UTF-16 code units.</summary>
    public int Start { get; init; }

    /// <summary>What it counts for in coverage.</summary>
    public double Weight { get; set; }

    /// <summary>Carries meaning by itself.</summary>
    public bool IsContent => Kind is TokenKind.Word or TokenKind.Name or TokenKind.Identifier or TokenKind.Number or TokenKind.Date;

    /// <summary>Must be in the source as it is.</summary>
    public bool IsStrict => Kind is TokenKind.Name or TokenKind.Identifier or TokenKind.Number or TokenKind.Date;
}
