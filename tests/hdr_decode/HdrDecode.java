import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.zip.DataFormatException;

import org.HdrHistogram.Histogram;

/**
 * Reads HdrHistogram payloads (base64, one a line) from stdin with the format's own library, and
 * prints for each one line: count, and the values at 50, 90, 95, 99, 99.9 and 99.99 percent.
 */
public final class HdrDecode {
    private static final double[] PERCENTS = {50, 90, 95, 99, 99.9, 99.99};

    private static String describe(String payload) throws DataFormatException {
        ByteBuffer bytes = ByteBuffer.wrap(Base64.getDecoder().decode(payload));
        Histogram histogram = Histogram.decodeFromCompressedByteBuffer(bytes, 0);
        StringBuilder line = new StringBuilder().append(histogram.getTotalCount());

        for (double percent : PERCENTS) {
            line.append(' ').append(histogram.getValueAtPercentile(percent));
        }
        return line.toString();
    }

    public static void main(String[] args) throws IOException, DataFormatException {
        BufferedReader in =
            new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));

        for (String payload = in.readLine(); payload != null; payload = in.readLine()) {
            System.out.println(describe(payload));
        }
    }
}
