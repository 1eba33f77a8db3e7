using Rag.Inference.Generation;

namespace Rag.Answering.Generation;

/// <summary>
/// Reads <c>{"units":[1,2]}</c> (JSON, RFC 8259) as it comes in pieces, and nothing else: one object, this one name, numbers
/// that are whole and not negative. A number is out when what follows it has come, so that what it stands for need not wait
/// for the end.
/// </summary>
internal sealed class UnitNumbers
{
    private const string Name = "\"units\"";

    /// <summary>A number with more digits than this is no passage's; it is read as one that was not shown.</summary>
    private const int MaxDigits = 9;

    private enum Place { Start, BeforeName, InName, BeforeColon, BeforeArray, BeforeFirst, BeforeNumber, InNumber, AfterNumber, AfterArray, End }

    private Place _place;
    private int _digits, _number, _inName;

    /// <summary>Whether the whole object has come.</summary>
    public bool Complete => _place == Place.End;

    /// <summary>The numbers that this piece completes, in order; what stands behind the object is not read.</summary>
    /// <exception cref="ModelFaultException">Nonsense: this is not what was asked for.</exception>
    public IEnumerable<int> Take(string piece)
    {
        foreach (char c in piece)
        {
            if (_place == Place.InNumber && !char.IsAsciiDigit(c))
            {
                _place = Place.AfterNumber;
                yield return _digits > MaxDigits ? int.MaxValue : _number;
            }
            if (Complete) yield break;
            if (c is ' ' or '\t' or '\r' or '\n' && _place != Place.InName) continue;
            _place = (_place, c) switch
            {
                (Place.Start, '{') => Place.BeforeName,
                (Place.BeforeName, '"') => Named(),
                (Place.InName, _) when c == Name[_inName] => InName(),
                (Place.BeforeColon, ':') => Place.BeforeArray,
                (Place.BeforeArray, '[') => Place.BeforeFirst,
                (Place.BeforeFirst, ']') => Place.AfterArray,
                (Place.BeforeFirst or Place.BeforeNumber, >= '0' and <= '9') => First(c),
                (Place.InNumber, _) when _number != 0 || _digits > 1 => Next(c),
                (Place.AfterNumber, ',') => Place.BeforeNumber,
                (Place.AfterNumber, ']') => Place.AfterArray,
                (Place.AfterArray, '}') => Place.End,
                _ => throw Nonsense(),
            };
        }
    }

    public static ModelFaultException Nonsense() => new(ModelFault.Nonsense, "did not answer in the form that it was asked for");

    private Place Named()
    {
        _inName = 1;
        return Place.InName;
    }

    private Place InName() => ++_inName == Name.Length ? Place.BeforeColon : Place.InName;

    private Place First(char c)
    {
        (_number, _digits) = (c - '0', 1);
        return Place.InNumber;
    }

    private Place Next(char c)
    {
        if (++_digits <= MaxDigits) _number = _number * 10 + (c - '0');
        return Place.InNumber;
    }
}
