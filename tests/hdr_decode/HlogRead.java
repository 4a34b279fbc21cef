import java.io.FileNotFoundException;
import java.util.Locale;
import java.util.TreeMap;

import org.HdrHistogram.EncodableHistogram;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogReader;

/**
 * Reads a histogram log with the format's own library. Prints a line for each interval (tag, start
 * in seconds since the epoch, length in seconds, count, value at 99 percent), and then for each tag
 * a line with its name and the percentile distribution of its intervals' sum, in microseconds.
 */
public final class HlogRead {
    private static final int TICKS_PER_HALF = 5;
    private static final double NS_PER_US = 1000;

    public static void main(String[] args) throws FileNotFoundException {
        TreeMap<String, Histogram> sums = new TreeMap<>();
        HistogramLogReader reader = new HistogramLogReader(args[0]);

        while (reader.hasNext()) {
            EncodableHistogram next = reader.nextIntervalHistogram();
            if (next == null) {
                continue;
            }
            Histogram one = (Histogram) next;
            System.out.printf(Locale.US, "%s %.3f %.3f %d %d%n", one.getTag(),
                one.getStartTimeStamp() / 1000.0,
                (one.getEndTimeStamp() - one.getStartTimeStamp()) / 1000.0, one.getTotalCount(),
                one.getValueAtPercentile(99));
            Histogram sum = sums.get(one.getTag());
            if (sum == null) {
                sums.put(one.getTag(), one.copy());
            } else {
                sum.add(one);
            }
        }
        sums.forEach((tag, sum) -> {
            System.out.println("distribution " + tag);
            sum.outputPercentileDistribution(System.out, TICKS_PER_HALF, NS_PER_US);
        });
    }
}
